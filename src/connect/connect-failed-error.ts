import { ClaimLost } from '../connections/authorization/pending-authorization.repository.ts';
import type { DeadReason } from '../meta/errors/classify-error.ts';
import { MetaError } from '../meta/errors/meta-error.ts';
import type { MetaCause } from '../platform/problem.ts';

/** Why an authorization did not become a connection: the words that a `return_url` gets (CONTRACT 4). */
export type ConnectError =
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
export class ConnectFailure extends Error {
  constructor(
    /** `token_rejected`: what the client handed in, or the code gave, is no token that serves here. */
    readonly reason: ConnectError | 'token_rejected',
    readonly occasion: FailureOccasion,
  ) {
    super(`connecting failed: ${reason}`, { cause: occasion.cause });
    this.name = 'ConnectFailure';
  }

  /** A browser never gave a token, only a code. */
  get browserWord(): ConnectError {
    return this.reason === 'token_rejected' ? 'code_rejected' : this.reason;
  }
}

/**
 * What a failed call to Meta means for an authorization under way. `refused` is the word where Meta does not take the code or
 * token itself. Weather, limits and faults in our own settings are never final: the token may be good. Errors that are not
 * Meta's come back as they are.
 */
export function toConnectFailure(error: unknown, refused: 'code_rejected' | 'token_rejected'): unknown {
  if (error instanceof ConnectFailure || error instanceof ClaimLost || !(error instanceof MetaError)) return error;
  const { verdict, cause: meta } = error;
  switch (verdict.kind) {
    case 'code_rejected':
      return new ConnectFailure(refused, { meta, cause: error, isFinal: true, ...detailOf(verdict.why) });
    case 'transient':
    case 'throttled':
      return new ConnectFailure('meta_unavailable', {
        meta,
        cause: error,
        isFinal: false,
        ...(error.retryAfterSeconds === null ? {} : { retryAfterSeconds: error.retryAfterSeconds }),
      });
    case 'configuration':
      return new ConnectFailure('meta_configuration', { meta, cause: error, isFinal: false });
    // A 190 without a confirmed subcode is a suspicion only. With a code there is nothing left to inspect.
    case 'suspect':
      return refused === 'code_rejected'
        ? new ConnectFailure(refused, { meta, cause: error, isFinal: true })
        : new ConnectFailure('meta_unavailable', { meta, cause: error, isFinal: false });
    case 'dead':
      return new ConnectFailure(refused, { meta, cause: error, isFinal: true, ...wordsOfDeath(verdict.reason) });
    case 'permission':
    case 'parameter':
    case 'blocked':
      return new ConnectFailure(refused, { meta, cause: error, isFinal: true });
  }
}

/** Where the redirect URI was not ours, what Meta says of it is about the code: it goes with another one, or is none at all. */
export function blameRedirectUri(error: unknown): unknown {
  if (!(error instanceof MetaError) || error.verdict.kind !== 'configuration' || error.verdict.what !== 'redirect_uri')
    return error;
  return new ConnectFailure('code_rejected', {
    meta: error.cause,
    cause: error,
    isFinal: true,
    ...detailOf('redirect_mismatch'),
  });
}

/** What a person can do about a token that was dead before it was a connection. Most deaths need no more than another login. */
export function wordsOfDeath(reason: DeadReason): { detail?: string; remedy?: string } {
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
