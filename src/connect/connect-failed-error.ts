import { ClaimLostError } from '../connections/claim-lost-error.ts';
import type { DeadReason, MetaVerdict } from '../meta/errors/classify-error.ts';
import { MetaError } from '../meta/errors/meta-error.ts';
import { AppError, type ProblemOccurrence } from '../platform/problem.ts';
import { CONNECT_PROBLEMS, type ConnectErrorCode } from './connect-problems.ts';
import { problemCodeOf } from './problem-code-of-verdict.ts';
import type { UserMessage } from './sessions/return-url.ts';

const RETRY_AFTER_SECONDS = 30;

interface ConnectFailure extends Omit<ProblemOccurrence, 'errors'> {
  /** The same token can never become a connection; otherwise it is worth trying again. */
  isFinal: boolean;
}

/** An authorization that failed, for a reason that its user or client may know. Holds no code, state or token. */
export class ConnectFailedError extends AppError {
  readonly isFinal: boolean;

  constructor(
    /** `token_rejected`: what the client handed in, or what the code gave, is not a token that can be used here. */
    readonly reason: keyof typeof CONNECT_PROBLEMS,
    { isFinal, meta = {}, ...occurrence }: ConnectFailure,
  ) {
    super(CONNECT_PROBLEMS[reason], {
      ...(reason === 'meta_unavailable' ? { retryAfterSeconds: RETRY_AFTER_SECONDS } : {}),
      ...occurrence,
      ...(Object.keys(meta).length === 0 ? {} : { meta }),
    });
    this.name = 'ConnectFailedError';
    this.isFinal = isFinal;
  }

  /** A browser never gave a token, only a code. */
  get errorCode(): ConnectErrorCode {
    return this.reason === 'token_rejected' ? 'code_rejected' : this.reason;
  }
}

/**
 * What a failed call to Meta means for an authorization under way. `refused` is the reason where Meta does not accept the code or token
 * itself. Outages, limits and faults in our own settings are never final: the token may be good. Other errors come back unchanged.
 */
export function toConnectFailedError(error: unknown, refused: 'code_rejected' | 'token_rejected'): unknown {
  if (error instanceof ConnectFailedError || error instanceof ClaimLostError || !(error instanceof MetaError))
    return error;
  const { verdict, cause: meta, retryAfterSeconds } = error;
  // A 190 without a confirmed subcode only makes the token suspect. A code that was refused leaves nothing to inspect.
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

function describeVerdict(verdict: MetaVerdict): { detail?: string; remedy?: string } {
  if (verdict.kind === 'code_rejected') return describeRejectedCode(verdict.why);
  if (verdict.kind === 'configuration' && verdict.what === 'not_configured')
    return { detail: 'The app of this login is not configured here (any more), so Meta was not asked.' };
  return verdict.kind === 'dead' ? describeDeadToken(verdict.reason) : {};
}

/** Where the redirect URI was not ours, Meta's complaint about it is about the code: it belongs to another one, or is not valid at all. */
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

/** What a user can do about a token that died before it became a connection. Most dead tokens need only another login. */
export function describeDeadToken(reason: DeadReason): { detail?: string; remedy?: string } {
  if (reason !== 'checkpoint' && reason !== 'unconfirmed_user') return {};
  return {
    detail: 'Meta holds this account back until its owner has confirmed it.',
    remedy: 'Log in at facebook.com, do what is asked for there, then connect again.',
  };
}

const DETAILS = new Map([
  ['used', 'The code was used before.'],
  ['expired', 'The code has expired.'],
  ['redirect_mismatch', 'The redirect_uri is not the one that the dialog got.'],
  ['malformed', 'The code is none that Meta gave to this app.'],
]);

function describeRejectedCode(why: string): { detail?: string } {
  const detail = DETAILS.get(why);
  return detail === undefined ? {} : { detail };
}

/** Only what comes with something to do: the rest is for whoever reads the API or the log. */
export function toUserMessage({ occurrence: { detail, remedy } }: ConnectFailedError): UserMessage {
  return detail === undefined || remedy === undefined ? {} : { detail, remedy };
}
