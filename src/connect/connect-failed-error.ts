import { ClaimLostError } from '../connections/claim-lost-error.ts';
import type { Notice } from '../customer-pages/messages/messages.ts';
import type { DeadReason, MetaVerdict } from '../meta/errors/classify-error.ts';
import { MetaError } from '../meta/errors/meta-error.ts';
import { AppError, type ProblemOccurrence } from '../platform/problem.ts';
import { CONNECT_PROBLEMS, type ConnectErrorCode } from './connect-problems.ts';
import { problemCodeOf } from './problem-code-of-verdict.ts';

const RETRY_AFTER_SECONDS = 30;

interface ConnectFailure extends Omit<ProblemOccurrence, 'errors'> {
  /** This token can never become a connection; if false, retrying may help. */
  isFinal: boolean;
  /** Set if users should read more than the reason. */
  notice?: Notice;
}

type FailureDescription = Pick<ConnectFailure, 'detail' | 'remedy' | 'notice'>;

/** A failed authorization whose reason user and client may see. Holds no code, state or token. */
export class ConnectFailedError extends AppError {
  readonly isFinal: boolean;
  readonly notice: Notice | null;

  constructor(
    /** `token_rejected`: the supplied token, or the one the code gave, can't be used here. */
    readonly reason: keyof typeof CONNECT_PROBLEMS,
    { isFinal, notice, meta = {}, ...occurrence }: ConnectFailure,
  ) {
    super(CONNECT_PROBLEMS[reason], {
      ...(reason === 'meta_unavailable' ? { retryAfterSeconds: RETRY_AFTER_SECONDS } : {}),
      ...occurrence,
      ...(Object.keys(meta).length === 0 ? {} : { meta }),
    });
    this.name = 'ConnectFailedError';
    this.isFinal = isFinal;
    this.notice = notice ?? null;
  }

  /** Browsers supply codes, never tokens. */
  get errorCode(): ConnectErrorCode {
    return this.reason === 'token_rejected' ? 'code_rejected' : this.reason;
  }
}

/**
 * Translates a failed call to Meta for a running authorization. `refused` is the reason if Meta rejects the code or
 * token itself. Outages, limits and faults in our settings are never final: the token may be good. Returns other errors
 * unchanged.
 */
export function toConnectFailedError(error: unknown, refused: 'code_rejected' | 'token_rejected'): unknown {
  if (error instanceof ConnectFailedError || error instanceof ClaimLostError || !(error instanceof MetaError))
    return error;
  const { verdict, cause: meta, retryAfterSeconds } = error;
  // A 190 without a known subcode only makes the token suspect. A refused code leaves nothing to inspect.
  const suspect = refused === 'code_rejected' ? refused : 'meta_unavailable';
  const reason = problemCodeOf(verdict, { suspect, dead: refused, refused });
  return new ConnectFailedError(reason, {
    meta,
    cause: error,
    isFinal: reason === refused,
    ...(retryAfterSeconds === null ? {} : { retryAfterSeconds }),
    ...describeVerdict(verdict),
  });
}

function describeVerdict(verdict: MetaVerdict): FailureDescription {
  if (verdict.kind === 'code_rejected') return describeRejectedCode(verdict.why);
  if (verdict.kind === 'configuration' && verdict.what === 'not_configured')
    return { detail: 'The app for this login is not configured here, so Meta was not asked.' };
  return verdict.kind === 'dead' ? describeDeadToken(verdict.reason) : {};
}

/**
 * If the client chose the redirect URI, Meta's complaint about it means a bad code: issued for another URI, or invalid.
 */
export function classifyRedirectUriError(error: unknown): unknown {
  if (!(error instanceof MetaError) || error.verdict.kind !== 'configuration' || error.verdict.what !== 'redirect_uri')
    return error;
  return new ConnectFailedError('code_rejected', {
    meta: error.cause,
    cause: error,
    isFinal: true,
    ...describeRejectedCode('redirect_mismatch'),
  });
}

/** What a user can do about a token that died before it became a connection. Usually just log in again. */
export function describeDeadToken(reason: DeadReason): FailureDescription {
  if (reason !== 'checkpoint' && reason !== 'unconfirmed_user') return {};
  return {
    detail: 'Meta has locked this account until its owner confirms it.',
    remedy: 'Log in at facebook.com, follow the instructions there, then connect again.',
    notice: 'account_locked',
  };
}

const DETAILS = new Map([
  ['used', 'The code was used before.'],
  ['expired', 'The code has expired.'],
  ['redirect_mismatch', 'The redirect_uri differs from the one in the dialog.'],
  ['malformed', 'The code was not issued to this app.'],
]);

function describeRejectedCode(why: string): { detail?: string } {
  const detail = DETAILS.get(why);
  return detail === undefined ? {} : { detail };
}
