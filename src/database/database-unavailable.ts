import { AppError, defineProblem } from '../platform/problem.ts';
import { DatabasePasswordError } from './servers/password-source.ts';
import { isTlsFailure } from './servers/server-tls.ts';
import { DatabaseTimeoutError } from './with-timeout.ts';

declare module '../platform/problem.ts' {
  interface ProblemCodes {
    database_unavailable: true;
  }
}

export const databaseUnavailable = defineProblem(
  'database_unavailable',
  503,
  'The database did not respond in time or could not record the request.',
  'Nothing was half done. Retry after the time in Retry-After, with the same Idempotency-Key if the request creates ' +
    'something. See GET /health/ready and metavault doctor.',
);

const RETRY_AFTER_SECONDS = 1;

/** The cause is for `DatabaseAvailability`, which logs it once a minute, and for callers that check its SQLSTATE. */
export function databaseUnavailableError(cause: unknown): AppError {
  return new AppError(databaseUnavailable, { retryAfterSeconds: RETRY_AFTER_SECONDS, cause, isLogged: true });
}

/**
 * Classes of SQLSTATE that say nothing about the statement: connection exceptions, insufficient resources (full,
 * too many connections), operator intervention (stopping, starting, canceled after `statement_timeout`), system errors.
 */
const UNAVAILABLE_CLASSES = new Set(['08', '53', '57', '58']);
const SQLSTATE_LENGTH = 5;
const LOGIN_REFUSED_STATES = new Set(['28000', '28P01']);
/** This server is a standby, or has become one. */
const READ_ONLY_STATE = '25006';
/** A standby or read-only database; a refused login or database; a transaction idle for too long. */
const UNAVAILABLE_STATES = new Set([READ_ONLY_STATE, ...LOGIN_REFUSED_STATES, '3D000', '25P03']);
const SOCKET_ERRORS = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'ENOENT',
  'EAI_AGAIN',
]);
/** Errors of `pg` and `pg-pool` about connections, which have no code. */
const CONNECTION_MESSAGES =
  /^(Query read timeout|timeout expired|timeout exceeded when trying to connect|Connection terminated|Client has encountered a connection error|Client was closed)/;

/** Whether an error of `pg` or TypeORM is about the database, not about the statement. */
export function isDatabaseTrouble(error: unknown): boolean {
  if (error instanceof DatabaseTimeoutError || error instanceof DatabasePasswordError) return true;
  const cause = causeOf(error);
  const { code, message } = cause;
  if (isTlsFailure(cause)) return true;
  if (typeof code !== 'string') return isConnectionMessage(message);
  if (SOCKET_ERRORS.has(code) || UNAVAILABLE_STATES.has(code)) return true;
  return code.length === SQLSTATE_LENGTH && UNAVAILABLE_CLASSES.has(code.slice(0, 2));
}

/**
 * Whether the connection is no longer usable: it broke, Postgres has been silent for `query_timeout`, or it leads to a
 * server that takes no writes.
 */
export function isConnectionLost(error: unknown): boolean {
  const { code, message } = causeOf(error);
  if (typeof code !== 'string') return isConnectionMessage(message);
  return SOCKET_ERRORS.has(code) || code.startsWith('08') || code.startsWith('57P') || code === READ_ONLY_STATE;
}

/** Whether the server takes no writes: a standby, or a primary set to read-only. */
export function isReadOnly(error: unknown): boolean {
  return causeOf(error).code === READ_ONLY_STATE;
}

/** Whether the server refused the user or the password. */
export function isLoginRefused(error: unknown): boolean {
  return LOGIN_REFUSED_STATES.has(String(causeOf(error).code));
}

/** Whether Postgres has been silent for `query_timeout`, which is longer than its own `statement_timeout`. */
export function isSilence(error: unknown): boolean {
  return causeOf(error).message === 'Query read timeout';
}

/** TypeORM wraps the error of `pg`. */
function causeOf(error: unknown): { code?: unknown; message?: unknown } {
  const { driverError } = (error ?? {}) as { driverError?: unknown };
  return (driverError ?? error ?? {}) as { code?: unknown; message?: unknown };
}

function isConnectionMessage(message: unknown): boolean {
  return typeof message === 'string' && CONNECTION_MESSAGES.test(message);
}
