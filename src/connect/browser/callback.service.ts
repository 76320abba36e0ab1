import { timingSafeEqual } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { type Actor } from '../../audit/actor.ts';
import { AuditLog } from '../../audit/audit-log.ts';
import { Config } from '../../config/config.ts';
import { PendingAuthorizationRepository } from '../../connections/authorization/pending-authorization.repository.ts';
import { ClaimLostError } from '../../connections/claim-lost-error.ts';
import type { ConnectionId } from '../../connections/ids.ts';
import { Database } from '../../database/database.ts';
import { type CallbackOutcome, type CallbackQuery, parseCallbackQuery } from '../../meta/dialog/callback-query.ts';
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
import type { ConnectAttempt, ConnectSession } from '../connect-session.ts';
import { redirectUri } from '../connect-urls.ts';
import { ConnectSecrets } from '../sessions/connect-secrets.ts';
import type { ConnectResult, UserMessage } from '../sessions/return-url.ts';
import { storeSignupReport, toSignupReport } from '../unfinished/unfinished-signup.repository.ts';
import { readAttemptCookie } from './attempt-cookie.ts';

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
}

/** An attempt whose browser has proved that it is the one that opened the link. */
interface VerifiedAttempt {
  attempt: ConnectAttempt;
  session: ConnectSession;
  requestId: string;
}

/** Takes the browser back from Meta: proves whose it is, uses its state up once, and brings the code to its end. */
@Injectable()
export class CallbackService {
  constructor(
    private readonly sessions: ConnectSessionRepository,
    private readonly attempts: ConnectAttemptRepository,
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
        : await this.refuse(verified, errorCodeOf(outcome));
    return { session: verified.session, result };
  }

  /** The code that our Embedded Signup page got from Meta's JS SDK. The browser is proved by its cookie alone. */
  async complete(
    session: ConnectSession,
    given: { cookies: string[]; code: SecretString; message: SignupMessage },
    requestId: string,
  ): Promise<AttemptResult> {
    const verified = await this.verifyCookie(session, given.cookies, requestId);
    return { session, result: await this.redeem(verified, given.code, null, given.message) };
  }

  /** What the session message said, as soon as it came: the code may get lost. Of a repeated report the last one counts. */
  async report(session: ConnectSession, cookies: string[], message: SignupMessage): Promise<void> {
    const { attempt } = await this.verifyCookie(session, cookies, '');
    await storeSignupReport(this.database, attempt.stateHash, toSignupReport(message, this.clock.now()));
  }

  /** The user left the Embedded Signup of our page. */
  async cancel(session: ConnectSession, cookies: string[], requestId: string): Promise<AttemptResult> {
    const verified = await this.verifyCookie(session, cookies, requestId);
    return { session, result: await this.refuse(verified, 'access_denied') };
  }

  /** What the attempt of this browser ended on. */
  async resultOf(session: ConnectSession, cookies: string[]): Promise<AttemptResult> {
    const { attempt } = await this.verifyCookie(session, cookies, '');
    if (attempt.connectionId !== null) return { session, result: { connectionId: attempt.connectionId } };
    const pending = attempt.consumedAt === null ? 'session_expired' : 'meta_unavailable';
    return { session, result: { error: attempt.error ?? pending } };
  }

  private async verifyCookie(session: ConnectSession, cookies: string[], requestId: string): Promise<VerifiedAttempt> {
    const hashes = cookies.map((cookie) => this.secrets.hash(cookie));
    const attempt = await this.attempts.findByCookie(session.id, hashes);
    if (attempt === null) throw new ConnectFailedError('state_mismatch', { isFinal: true });
    return { attempt, session, requestId };
  }

  private async verifyState(
    state: string | null,
    cookies: string | undefined,
    requestId: string,
  ): Promise<VerifiedAttempt> {
    const stateHash = state === null ? null : this.secrets.hash(state);
    const attempt = stateHash === null ? null : await this.attempts.find(stateHash);
    const session = attempt === null ? null : await this.sessions.findAcrossTenants(attempt.sessionId);
    if (attempt === null || session === null) throw new ConnectFailedError('state_mismatch', { isFinal: true });
    const verified = { attempt, session, requestId };
    const cookie = readAttemptCookie(cookies, this.config.publicUrl, attempt.stateHash);
    if (cookie !== null && timingSafeEqual(this.secrets.hash(cookie), attempt.cookieHash)) return verified;
    // Somebody brought a state of ours to another browser, so it is worth an entry; an invented one is not.
    await this.recordFailure(verified, 'state_mismatch');
    throw new ConnectFailedError('state_mismatch', { isFinal: true });
  }

  private async redeem(
    verified: VerifiedAttempt,
    code: SecretString,
    usedRedirectUri: string | null,
    message: SignupMessage,
  ): Promise<ConnectResult> {
    const { session, requestId } = verified;
    const { stateHash } = verified.attempt;
    if (!(await this.attempts.consume(this.database, stateHash, null))) return this.awaitResult(verified);
    const given = { session, stateHash, code, redirectUri: usedRedirectUri, message, actor: BROWSER, requestId };
    return this.toResult(verified, () => this.redeemer.redeem(given));
  }

  /** The dialog ended without a code. */
  private async refuse(verified: VerifiedAttempt, error: ConnectErrorCode): Promise<ConnectResult> {
    if (!(await this.attempts.consume(this.database, verified.attempt.stateHash, error)))
      return this.awaitResult(verified);
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

  private recordFailure({ session, requestId }: VerifiedAttempt, code: ConnectErrorCode): Promise<void> {
    const of = { ...session, sessionId: session.id, actor: BROWSER, requestId };
    return recordConnectFailure(this.audit, this.database, of, { code });
  }
}

/** Only what comes with something to do: the rest is for whoever reads the API or the log. */
function toUserMessage({ occurrence: { detail, remedy } }: ConnectFailedError): UserMessage {
  return detail === undefined || remedy === undefined ? {} : { detail, remedy };
}

/** Our codes for Meta's ways to end a dialog without a code. */
function errorCodeOf(outcome: Exclude<CallbackOutcome, { kind: 'code' }>): ConnectErrorCode {
  switch (outcome.kind) {
    case 'denied':
      return 'access_denied';
    case 'app_unavailable':
      return 'app_unavailable';
    case 'malformed':
      return 'code_rejected';
    case 'error':
      return ERRORS.get(outcome.error ?? '') ?? 'meta_unavailable';
  }
}

/** OAuth 2.0 error codes (RFC 6749 4.1.2.1) that will not go away by trying again. */
const ERRORS = new Map<string, ConnectErrorCode>([
  ['unauthorized_client', 'app_unavailable'],
  ['invalid_request', 'meta_configuration'],
  ['invalid_scope', 'meta_configuration'],
  ['unsupported_response_type', 'meta_configuration'],
]);
