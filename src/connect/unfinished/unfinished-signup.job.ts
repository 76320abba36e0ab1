import { Inject, Injectable } from '@nestjs/common';
import { FLOWS } from '../../config/products.ts';
import { lockDueAccount, updateAccountDue } from '../../connections/announced-accounts/announced-account.repository.ts';
import { GRACE_SECONDS } from '../../connections/announced-accounts/announced-account.service.ts';
import type { AnnouncedAccount } from '../../connections/announced-accounts/announced-account.ts';
import { findConnectionsByAssetIds } from '../../connections/connection/subject-connections.query.ts';
import { Database, type Transaction } from '../../database/database.ts';
import { RowMacs } from '../../database/row-macs.ts';
import { Outbox } from '../../events/outbox/outbox.ts';
import { loginFlow } from '../../meta/dialog/login-flows.ts';
import { EMBEDDED_SIGNUP_PRODUCT } from '../../meta/dialog/products.ts';
import { MetaApps } from '../../meta/meta-apps.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { HOUR_SECONDS } from '../../platform/duration.ts';
import { JobScheduler } from '../../platform/jobs/job-scheduler.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import { isDialogFlow } from '../sessions/parse-dialog-flow.ts';
import { type CandidateSession, chooseSession } from './choose-session.ts';
import { findCandidateSessions, markUnfinished } from './unfinished-signup.repository.ts';

const INTERVAL_MS = 5_000;
/** Slower signups are ignored. */
const WINDOW_SECONDS = HOUR_SECONDS;
const SIGNUP_FLOWS = FLOWS.filter(isDialogFlow).filter((flow) => loginFlow(flow).isOpenedBySdk);

type Outcome = 'known' | 'waiting' | 'repeated' | 'reported';

const CODE_NOT_RECEIVED = {
  reason: 'code_not_received',
  remedy:
    "Have the user choose the same account in a new connect session. If the SDK's window failed, use the full page (…/dialog of the link).",
} as const;
const SESSION_UNKNOWN = {
  reason: 'session_unknown',
  remedy:
    'Find out in WhatsApp Manager whose account this is, and have that customer choose it again in a new connect session.',
} as const;

/**
 * Decides about announced accounts whose grace period is over: if no connection knows one, its browser lost the code
 * (docs/meta-facts.md#partner_added). Shows that on the session and tells subscribers, once per account and session.
 * Each decision is one transaction, so a crash neither loses nor repeats an event.
 */
@Injectable()
export class UnfinishedSignupJob {
  constructor(
    jobs: JobScheduler,
    private readonly database: Database,
    private readonly outbox: Outbox,
    private readonly clock: Clock,
    private readonly macs: RowMacs,
    private readonly apps: MetaApps,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {
    jobs.register({
      name: 'unfinished-signups',
      schedule: { everyMs: INTERVAL_MS },
      run: (signal) => this.decideDue(signal),
    });
  }

  async decideDue(signal?: AbortSignal): Promise<void> {
    while (signal?.aborted !== true) {
      const decided = await this.database.transaction((tx) => this.decideNext(tx));
      if (decided === null) return;
      this.logger.info(decided, 'processed announced account');
    }
  }

  /** Null: none is due. */
  private async decideNext(tx: Transaction): Promise<{ waba_id: string; outcome: Outcome } | null> {
    const now = this.clock.now();
    const account = await lockDueAccount(tx, now);
    if (account === null) return null;
    const outcome = await this.decide(tx, account, now);
    const dueAt = outcome === 'waiting' ? addSeconds(now, GRACE_SECONDS) : null;
    await updateAccountDue(tx, account.wabaId, { dueAt, reportedAt: outcome === 'reported' ? now : null });
    return { waba_id: account.wabaId, outcome };
  }

  private async decide(tx: Transaction, account: AnnouncedAccount, now: Date): Promise<Outcome> {
    const app = await this.apps.findOwn(account.appId);
    // An app that is gone has no sessions to finish.
    if (app === null || (await findConnectionsByAssetIds(tx, app.appIds, [account.wabaId])).length > 0) return 'known';
    const candidates = await findCandidateSessions(tx, this.macs, {
      flows: SIGNUP_FLOWS,
      appId: account.appId,
      since: addSeconds(account.announcedAt, -WINDOW_SECONDS),
      until: account.announcedAt,
    });
    const session = chooseSession(candidates, account);
    // A token arrived; within a day its authorization ends and shows what it reaches.
    if (session?.isPending ?? candidates.some(({ isPending }) => isPending)) return 'waiting';
    if (session === null) return this.reportUnnamed(tx, account, now);
    return this.reportOf(tx, account, session, now);
  }

  private async reportOf(
    tx: Transaction,
    account: AnnouncedAccount,
    session: CandidateSession,
    now: Date,
  ): Promise<Outcome> {
    const { wabaId, businessId } = account;
    const unfinished = {
      waba_id: wabaId,
      business_id: businessId,
      at: now.toISOString(),
      remedy: CODE_NOT_RECEIVED.remedy,
    };
    if (!(await markUnfinished(tx, session.id, unfinished))) return 'repeated';
    await this.report(tx, account, session, CODE_NOT_RECEIVED);
    return 'reported';
  }

  /** Meta may announce an account twice for one signup; without a session, only the time distinguishes them. */
  private async reportUnnamed(tx: Transaction, account: AnnouncedAccount, now: Date): Promise<Outcome> {
    const { reportedAt } = account;
    if (reportedAt !== null && addSeconds(reportedAt, WINDOW_SECONDS) > now) return 'repeated';
    await this.report(tx, account, null, SESSION_UNKNOWN);
    return 'reported';
  }

  private async report(
    tx: Transaction,
    { wabaId, businessId }: AnnouncedAccount,
    session: CandidateSession | null,
    why: typeof CODE_NOT_RECEIVED | typeof SESSION_UNKNOWN,
  ): Promise<void> {
    const { tenant = null, product = EMBEDDED_SIGNUP_PRODUCT } = session ?? {};
    const data = {
      connect_session_id: session?.id ?? null,
      tenant,
      product,
      waba_id: wabaId,
      business_id: businessId,
      ...why,
    };
    await this.outbox.add(tx, { type: 'connection.unfinished', tenant, product, connectionId: null, data });
  }
}
