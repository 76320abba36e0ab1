import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { type Actor } from '../../audit/actor.ts';
import { AuditLog } from '../../audit/audit-log.ts';
import { Config } from '../../config/config.ts';
import { PendingAuthorizationRepository } from '../../connections/authorization/pending-authorization.repository.ts';
import { ClaimLostError } from '../../connections/claim-lost-error.ts';
import type { ConnectionId } from '../../connections/ids.ts';
import { Database } from '../../database/database.ts';
import { type CallbackQuery, parseCallbackQuery } from '../../meta/dialog/callback-query.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { CodeRedeemer } from '../authorization/code-redeemer.ts';
import { PendingAuthorizationService } from '../authorization/pending-authorization.service.ts';
import type { SignupMessage } from '../authorization-hints.ts';
import { ConnectAttemptRepository } from '../connect-attempt.repository.ts';
import { ConnectFailedError } from '../connect-failed-error.ts';
import { recordConnectFailure } from '../connect-failure-audit.ts';
import type { ConnectErrorCode } from '../connect-problems.ts';
import { ConnectSessionRepository } from '../connect-session.repository.ts';
import type { ConnectAttempt, ConnectSession, OpenedAttempt } from '../connect-session.ts';
import { redirectUri } from '../connect-urls.ts';
import { ConnectSecrets } from '../sessions/connect-secrets.ts';
import type { ConnectResult } from '../sessions/return-url.ts';
import { storeSignupReport, toSignupReport } from '../unfinished/unfinished-signup.repository.ts';
import { BrowserAttempts, type BrowserCookies } from './browser-attempts.ts';
import { dialogErrorCode } from './dialog-error-code.ts';

const BROWSER: Actor = Object.freeze({ kind: 'browser', id: null });
const POLL_MS = 250;
/** 15 seconds: enough for all but the slowest calls to Meta. */
const MAX_POLLS = 60;
/** Five minutes while the first delivery is being processed: users with thousands of Pages take a long time. */
const MAX_POLLS_AT_WORK = 1_200;

export interface AttemptResult {
  attempt: OpenedAttempt;
  session: ConnectSession;
  result: ConnectResult;
  /** `Set-Cookie` that ends the attempt. */
  setCookies: string[];
}

/** An attempt whose browser proved that it opened the link. */
interface VerifiedAttempt {
  attempt: OpenedAttempt;
  session: ConnectSession;
  requestId: string;
}

/** Handles the browser's return from Meta: verifies the browser, consumes the state once, redeems the code. */
@Injectable()
export class CallbackService {
  constructor(
    private readonly sessions: ConnectSessionRepository,
    private readonly attempts: ConnectAttemptRepository,
    private readonly browserAttempts: BrowserAttempts,
    private readonly secrets: ConnectSecrets,
    private readonly redeemer: CodeRedeemer,
    private readonly pendingAuthorizations: PendingAuthorizationRepository,
    private readonly pendingAuthorizationService: PendingAuthorizationService,
    private readonly database: Database,
    private readonly audit: AuditLog,
    private readonly config: Config,
    private readonly clock: Clock,
  ) {}

  /**
   * Handles a dialog's callback. Throws `ConnectFailedError` `state_mismatch` if the browser can't prove itself: no
   * session is known then, so there is no `return_url`.
   */
  async receive(query: CallbackQuery, cookies: string | undefined, requestId: string): Promise<AttemptResult> {
    const outcome = parseCallbackQuery(query);
    const verified = await this.verifyState(outcome.state, cookies, requestId);
    const result =
      outcome.kind === 'code'
        ? await this.redeem(verified, outcome.code, redirectUri(this.config), {})
        : await this.refuse(verified, dialogErrorCode(outcome));
    return this.end(verified, cookies, result);
  }

  /** Redeems the code our Embedded Signup page got from Meta's JavaScript SDK. Only the cookie proves the browser. */
  async complete(
    session: ConnectSession,
    given: { cookies: BrowserCookies; code: SecretString; message: SignupMessage },
    requestId: string,
  ): Promise<AttemptResult> {
    const verified = { attempt: await this.verifyCookie(session, given.cookies), session, requestId };
    const result = await this.redeem(verified, given.code, null, given.message);
    return this.end(verified, given.cookies.header, result);
  }

  /** Stores the session message as soon as it arrives, as the code may get lost. The last report wins. */
  async report(session: ConnectSession, cookies: BrowserCookies, message: SignupMessage): Promise<void> {
    const attempt = await this.verifyCookie(session, cookies);
    await storeSignupReport(this.database, attempt, toSignupReport(message, this.clock.now()));
  }

  /** Ends an attempt whose user left Embedded Signup on our page. */
  async cancel(session: ConnectSession, cookies: BrowserCookies, requestId: string): Promise<AttemptResult> {
    const verified = { attempt: await this.verifyCookie(session, cookies), session, requestId };
    return this.end(verified, cookies.header, await this.refuse(verified, 'access_denied'));
  }

  /** Returns the result of this browser's attempt. */
  async resultOf(session: ConnectSession, cookies: BrowserCookies): Promise<AttemptResult> {
    const attempt = await this.verifyCookie(session, cookies);
    const ended = await this.attempts.find(attempt.stateHash);
    const error = ended?.error ?? (ended?.consumedAt == null ? 'session_expired' : 'meta_unavailable');
    const connectionId = ended?.connectionId ?? null;
    return { attempt, session, result: connectionId === null ? { error } : { connectionId }, setCookies: [] };
  }

  private end(
    { attempt, session }: VerifiedAttempt,
    cookies: string | undefined,
    result: ConnectResult,
  ): AttemptResult {
    const isSessionOver = 'connectionId' in result;
    return { attempt, session, result, setCookies: this.browserAttempts.end(cookies, attempt, { isSessionOver }) };
  }

  private async verifyCookie(session: ConnectSession, cookies: BrowserCookies): Promise<OpenedAttempt> {
    const attempt = await this.browserAttempts.findOfSession(session.id, cookies);
    if (attempt === null) throw new ConnectFailedError('state_mismatch', { isFinal: true });
    return attempt;
  }

  private async verifyState(
    state: string | null,
    cookies: string | undefined,
    requestId: string,
  ): Promise<VerifiedAttempt> {
    if (state === null) throw new ConnectFailedError('state_mismatch', { isFinal: true });
    const stateHash = this.secrets.hash(state);
    const own = await this.browserAttempts.findByState(cookies, stateHash);
    const attempt = own ?? (await this.attempts.find(stateHash));
    const session = attempt === null ? null : await this.sessions.findAcrossTenants(attempt.sessionId);
    if (own !== null && session !== null) return { attempt: own, session, requestId };
    // Audited because the state is ours and was taken to another browser; made-up states are not.
    if (session !== null) await this.recordFailure({ session, requestId }, 'state_mismatch');
    throw new ConnectFailedError('state_mismatch', { isFinal: true });
  }

  private async redeem(
    verified: VerifiedAttempt,
    code: SecretString,
    usedRedirectUri: string | null,
    message: SignupMessage,
  ): Promise<ConnectResult> {
    const { session, requestId } = verified;
    const { attempt } = verified;
    if (!(await this.attempts.consume(this.database, attempt, null))) return this.awaitResult(verified);
    const given = {
      session,
      stateHash: attempt.stateHash,
      code,
      redirectUri: usedRedirectUri,
      message,
      actor: BROWSER,
      requestId,
    };
    return this.toResult(verified, () => this.redeemer.redeem(given));
  }

  private async refuse(verified: VerifiedAttempt, error: ConnectErrorCode): Promise<ConnectResult> {
    if (!(await this.attempts.consume(this.database, verified.attempt, error))) return this.awaitResult(verified);
    if (error === 'access_denied') await this.recordDenial(verified);
    else await this.recordFailure(verified, error);
    return { error };
  }

  private async toResult(verified: VerifiedAttempt, work: () => Promise<ConnectionId>): Promise<ConnectResult> {
    try {
      return { connectionId: await work() };
    } catch (error) {
      if (error instanceof ConnectFailedError) return { error: error.errorCode, notice: error.notice };
      if (error instanceof ClaimLostError) return this.awaitResult(verified);
      throw error;
    }
  }

  /**
   * Handles a repeated or late callback. Exchanges nothing: waits for the first delivery and returns its result. If
   * nothing is processing its token (a crash or outage), continues with that token.
   */
  private async awaitResult(verified: VerifiedAttempt): Promise<ConnectResult> {
    const { stateHash } = verified.attempt;
    for (let poll = 0; ; poll++) {
      // Check before reading the result: work that ends in between has stored one. A claim that can't be taken is
      // alive.
      const isAtWork = async () => this.pendingAuthorizations.existsForState(this.database, stateHash);
      const isLast = poll >= MAX_POLLS && (poll >= MAX_POLLS_AT_WORK || !(await isAtWork()));
      const attempt = await this.attempts.find(stateHash);
      if (attempt === null || attempt.consumedAt === null) return this.rejectExpired(verified);
      if (attempt.connectionId !== null) return { connectionId: attempt.connectionId };
      if (attempt.error !== null) return { error: attempt.error };
      const pendingAuthorization = await this.pendingAuthorizations.claimByState(stateHash, this.config.claimSeconds);
      if (pendingAuthorization !== null) {
        const initiator = { actor: BROWSER, requestId: verified.requestId };
        return this.toResult(verified, () => this.pendingAuthorizationService.process(pendingAuthorization, initiator));
      }
      if (await this.isLost(attempt)) return this.markCodeRejected(verified);
      if (isLast) return { error: 'meta_unavailable' };
      await sleep(POLL_MS);
    }
  }

  /** The state went unused and can't be used now: it expired, or another browser completed the session. */
  private async rejectExpired(verified: VerifiedAttempt): Promise<ConnectResult> {
    await this.recordFailure(verified, 'session_expired');
    return { error: 'session_expired' };
  }

  /** The replica that consumed the state died before sealing a token: the code is spent, or was never sent. */
  private async isLost({ stateHash, consumedAt }: ConnectAttempt): Promise<boolean> {
    const isOld = consumedAt !== null && addSeconds(consumedAt, this.config.claimSeconds) <= this.clock.now();
    return isOld && !(await this.pendingAuthorizations.existsForState(this.database, stateHash));
  }

  private async markCodeRejected(verified: VerifiedAttempt): Promise<ConnectResult> {
    if (await this.attempts.recordError(this.database, verified.attempt.stateHash, 'code_rejected')) {
      await this.recordFailure(verified, 'code_rejected');
      return { error: 'code_rejected' };
    }
    return this.awaitResult(verified);
  }

  private recordDenial({ session, requestId }: VerifiedAttempt): Promise<void> {
    const { id: subjectId, tenant, product, flow } = session;
    const of = { actor: BROWSER, requestId, tenant, product, subjectId };
    return this.audit.record(this.database, {
      ...of,
      action: 'connect.denied',
      details: { flow, code: 'access_denied' },
    });
  }

  private recordFailure(
    { session, requestId }: Omit<VerifiedAttempt, 'attempt'>,
    code: ConnectErrorCode,
  ): Promise<void> {
    const of = { ...session, sessionId: session.id, actor: BROWSER, requestId };
    return recordConnectFailure(this.audit, this.database, of, { code });
  }
}
