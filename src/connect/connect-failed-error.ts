import { ClaimLostError } from '../connections/claim-lost-error.ts';
import type { DeadReason } from '../meta/errors/classify-error.ts';
import { MetaError } from '../meta/errors/meta-error.ts';
import type { MetaCause } from '../platform/problem.ts';

/** Why an authorization did not become a connection: the words that a `return_url` gets (CONTRACT 4). */
export type ConnectErrorCode =
  | 'access_denied'
  | 'app_unavailable'
  | 'session_expired'
  | 'state_mismatch'
  | 'code_rejected'
  | 'meta_configuration'
  | 'meta_unavailable';

export interface FailureOccasion {
  meta?: MetaCause;
  retryAfterSeconds?: number;
  /** Public; the problem's title where absent. */
  detail?: string;
  /** Public; the problem's own where absent. */
  remedy?: string;
  cause?: unknown;
  /** The same token can never become a connection; otherwise it is worth trying again. */
  isFinal: boolean;
}

/** An authorization that failed, for a reason that its person or client is told. Holds no code, state or token. */
export class ConnectFailedError extends Error {
  constructor(
    /** `token_rejected`: what the client handed in, or the code gave, is no token that serves here. */
    readonly reason: ConnectErrorCode | 'token_rejected',
    readonly occurrence: FailureOccasion,
  ) {
    super(`connecting failed: ${reason}`, { cause: occurrence.cause });
    this.name = 'ConnectFailedError';
  }

  /** A browser never gave a token, only a code. */
  get errorCode(): ConnectErrorCode {
    return this.reason === 'token_rejected' ? 'code_rejected' : this.reason;
  }
}

/**
 * What a failed call to Meta means for an authorization under way. `refused` is the word where Meta does not take the code or
 * token itself. Weather, limits and faults in our own settings are never final: the token may be good. Errors that are not
 * Meta's come back as they are.
 */
export function toConnectFailedError(error: unknown, refused: 'code_rejected' | 'token_rejected'): unknown {
  if (error instanceof ConnectFailedError || error instanceof ClaimLostError || !(error instanceof MetaError))
    return error;
  const { verdict, cause: meta } = error;
  switch (verdict.kind) {
    case 'code_rejected':
      return new ConnectFailedError(refused, { meta, cause: error, isFinal: true, ...detailOf(verdict.why) });
    case 'transient':
    case 'throttled':
      return new ConnectFailedError('meta_unavailable', {
        meta,
        cause: error,
        isFinal: false,
        ...(error.retryAfterSeconds === null ? {} : { retryAfterSeconds: error.retryAfterSeconds }),
      });
    case 'configuration':
      return new ConnectFailedError('meta_configuration', { meta, cause: error, isFinal: false });
    // A 190 without a confirmed subcode is a suspicion only. With a code there is nothing left to inspect.
    case 'suspect':
      return refused === 'code_rejected'
        ? new ConnectFailedError(refused, { meta, cause: error, isFinal: true })
        : new ConnectFailedError('meta_unavailable', { meta, cause: error, isFinal: false });
    case 'dead':
      return new ConnectFailedError(refused, {
        meta,
        cause: error,
        isFinal: true,
        ...describeDeadToken(verdict.reason),
      });
    case 'permission':
    case 'parameter':
    case 'blocked':
      return new ConnectFailedError(refused, { meta, cause: error, isFinal: true });
  }
}

/** Where the redirect URI was not ours, what Meta says of it is about the code: it goes with another one, or is none at all. */
export function classifyRedirectUriError(error: unknown): unknown {
  if (!(error instanceof MetaError) || error.verdict.kind !== 'configuration' || error.verdict.what !== 'redirect_uri')
    return error;
  return new ConnectFailedError('code_rejected', {
    meta: error.cause,
    cause: error,
    isFinal: true,
    ...detailOf('redirect_mismatch'),
  });
}

/** What a person can do about a token that was dead before it was a connection. Most deaths need no more than another login. */
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

function detailOf(why: string): { detail?: string } {
  const detail = DETAILS.get(why);
  return detail === undefined ? {} : { detail };
}
