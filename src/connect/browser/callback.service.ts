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
import { ConnectFailedError, toUserMessage } from '../connect-failed-error.ts';
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
/** 15 seconds: longer than Meta's calls take at their worst but one. */
const MAX_POLLS = 60;
/** Five minutes, while somebody works on what the first delivery gave: a user with thousands of Pages takes long. */
const MAX_POLLS_AT_WORK = 1_200;

/** What an authorization ended on, and the session that its browser proved to belong to. */
export interface AttemptResult {
  session: ConnectSession;
  result: ConnectResult;
  /** `Set-Cookie`, as the attempt is over. */
  setCookies: string[];
}

/** An attempt whose browser has proved that it is the one that opened the link. */
interface VerifiedAttempt {
  attempt: OpenedAttempt;
  session: ConnectSession;
  requestId: string;
}

/** Takes the browser back from Meta: proves whose it is, uses its state up once, and brings the code to its end. */
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
   * The callback of a dialog. Throws `ConnectFailedError` `state_mismatch` where the browser cannot prove itself: then no session is
   * known, and there is nowhere to send it.
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

  /** The code that our Embedded Signup page got from Meta's JS SDK. The browser is proved by its cookie alone. */
  async complete(
    session: ConnectSession,
    given: { cookies: BrowserCookies; code: SecretString; message: SignupMessage },
    requestId: string,
  ): Promise<AttemptResult> {
    const verified = { attempt: await this.verifyCookie(session, given.cookies), session, requestId };
    const result = await this.redeem(verified, given.code, null, given.message);
    return this.end(verified, given.cookies.header, result);
  }

  /** What the session message said, as soon as it came: the code may get lost. Of a repeated report the last one counts. */
  async report(session: ConnectSession, cookies: BrowserCookies, message: SignupMessage): Promise<void> {
    const attempt = await this.verifyCookie(session, cookies);
    await storeSignupReport(this.database, attempt, toSignupReport(message, this.clock.now()));
  }

  /** The user left the Embedded Signup of our page. */
  async cancel(session: ConnectSession, cookies: BrowserCookies, requestId: string): Promise<AttemptResult> {
    const verified = { attempt: await this.verifyCookie(session, cookies), session, requestId };
    return this.end(verified, cookies.header, await this.refuse(verified, 'access_denied'));
  }

  /** What the attempt of this browser ended on. */
  async resultOf(session: ConnectSession, cookies: BrowserCookies): Promise<AttemptResult> {
    const { stateHash } = await this.verifyCookie(session, cookies);
    const attempt = await this.attempts.find(stateHash);
    const error = attempt?.error ?? (attempt?.consumedAt == null ? 'session_expired' : 'meta_unavailable');
    const connectionId = attempt?.connectionId ?? null;
    return { session, result: connectionId === null ? { error } : { connectionId }, setCookies: [] };
  }

  private end(
    { attempt, session }: VerifiedAttempt,
    cookies: string | undefined,
    result: ConnectResult,
  ): AttemptResult {
    const isSessionOver = 'connectionId' in result;
    return { session, result, setCookies: this.browserAttempts.end(cookies, attempt, { isSessionOver }) };
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
    // Somebody brought a state of ours to another browser, so it is worth an entry; an invented one is not.
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

  /** The dialog ended without a code. */
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
      if (error instanceof ConnectFailedError) return { error: error.errorCode, userMessage: toUserMessage(error) };
      if (error instanceof ClaimLostError) return this.awaitResult(verified);
      throw error;
    }
  }

  /**
   * A second delivery of a callback, or one too late. Exchanges nothing: waits for the first to end and ends on the same; where
   * nobody works on the first's token any more (a crash, or Meta was out of reach) it goes on with it.
   */
  private async awaitResult(verified: VerifiedAttempt): Promise<ConnectResult> {
    const { stateHash } = verified.attempt;
    for (let poll = 0; ; poll++) {
      // Before the result is read: work that ends in between has one. Nobody could claim what exists, so whoever has it is alive.
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

  /** The state was never used, and can't be any more: its time is over, or another browser has finished the session. */
  private async rejectExpired(verified: VerifiedAttempt): Promise<ConnectResult> {
    await this.recordFailure(verified, 'session_expired');
    return { error: 'session_expired' };
  }

  /** The replica that consumed the state died before it could seal what the code gave: the code is spent, or was never sent. */
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
