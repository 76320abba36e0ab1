import { ConfigError } from '../config/environment-reader.ts';
import type { ProblemCode } from '../platform/problem.ts';
import { WrongRootKeyError } from '../vault/keys/key-ring.ts';
import { RootKeyUnavailableError } from '../vault/root-keys/root-key.ts';
import { UnprovenRowsError } from './unproven-rows-error.ts';

/** Codes of failures at startup and on the command line, with their meaning. Stable: scripts match on them. */
export const STARTUP_ERROR_CODES = {
  invalid_command_line: 'the command line is wrong; nothing was done',
  not_confirmed: 'the command was not confirmed; nothing was done',
  incomplete: 'only part of the work was done, or a check failed; standard output has the details',
  interrupted: 'SIGINT or SIGTERM stopped the command after the step in progress',
  invalid_configuration: 'environment variables are missing or wrong',
  wrong_root_key: 'the root key does not belong to this database',
  root_key_unavailable: 'the root key cannot be read, or the KMS does not unwrap',
  database_unreachable: 'Postgres does not answer',
  database_login_failed: 'Postgres rejects the user or password',
  database_not_found: 'the database does not exist',
  database_permission_denied: 'the database user lacks a privilege',
  port_in_use: 'another process listens on the port',
  port_not_permitted: 'this user may not listen on the port',
  host_not_local: 'the host is not an address of this machine',
  file_unreadable: 'a file cannot be read',
  invalid_file: 'an import file is not CSV or JSON lines',
  done_file_unusable: 'the file that records imported rows cannot be read or written',
  invalid_anchor: 'the text or file is not an anchor of the audit record',
  prune_refused: 'these audit entries may not be pruned',
  admin_key_missing: 'a running service was named, but no admin key',
  service_unreachable: 'the running service does not respond',
  service_refused: 'the running service refuses, without a code of its own',
  internal_error: 'a bug',
} as const;
type StartupErrorCode = keyof typeof STARTUP_ERROR_CODES;

/** What an operator is told about a failure. */
export interface StartupErrorDescription {
  code: StartupErrorCode | ProblemCode;
  /** What happened. Names the variable, option or file. Never a secret. */
  detail: string;
  /** What to do. */
  remedy: string;
  cause?: unknown;
}

/** A start or a command that failed for a reason the operator can fix. The message is the detail and the remedy. */
export class StartupError extends Error {
  readonly code: StartupErrorCode | ProblemCode;
  readonly detail: string;
  readonly remedy: string;

  constructor({ code, detail, remedy, cause }: StartupErrorDescription) {
    super(`${detail}${detail.includes('\n') ? '\n' : ' '}${remedy}`, { cause });
    this.name = 'StartupError';
    this.code = code;
    this.detail = detail;
    this.remedy = remedy;
  }
}

/** Returns the message for the operator, with a stack only if the error is a bug. */
export function describeStartupError(error: unknown): string {
  if (
    error instanceof ConfigError ||
    error instanceof WrongRootKeyError ||
    error instanceof RootKeyUnavailableError ||
    error instanceof UnprovenRowsError ||
    error instanceof StartupError
  ) {
    return error.message;
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

const UNREACHABLE = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ECONNRESET',
  'EPIPE',
  // Postgres is shutting down, starting or recovering.
  '57P01',
  '57P02',
  '57P03',
]);

/**
 * Converts a failed or lost database connection to a `StartupError` without the password. Returns other errors
 * unchanged.
 */
export function toDatabaseStartupError(error: unknown, databaseUrl: string): unknown {
  const code = String((error as { code?: unknown }).code ?? '');
  const url = URL.canParse(databaseUrl) ? new URL(databaseUrl) : null;
  const place = url === null ? 'the database' : `${url.host}${url.pathname}`;
  const toError = (kind: StartupErrorCode, what: string, remedy: string): StartupError =>
    new StartupError({ code: kind, detail: `DATABASE_URL: ${what}`, remedy, cause: error });
  if (UNREACHABLE.has(code) || /timeout|terminated unexpectedly/i.test(String((error as Error).message))) {
    const what = `Postgres does not answer at ${place} (${code || 'timeout'}).`;
    return toError('database_unreachable', what, 'Start it, or correct the address.');
  }
  if (code === '28P01' || code === '28000') {
    const what = `Postgres at ${place} rejects this user or password.`;
    return toError('database_login_failed', what, 'Correct them.');
  }
  if (code === '3D000') {
    return toError('database_not_found', `there is no database at ${place}.`, 'Create it, or correct the name.');
  }
  if (code === '42501') {
    return toError(
      'database_permission_denied',
      `this user lacks a privilege at ${place}.`,
      'Let it create tables in its schema, or run metavault migrate as the owner of the tables (migrations/roles.sql).',
    );
  }
  return error;
}

/** Converts a failed `listen` to a `StartupError` that uses these names of settings. Returns other errors unchanged. */
export function toListenStartupError(
  error: unknown,
  host: string,
  port: number,
  names = { host: 'HOST', port: 'PORT' },
): unknown {
  const { code } = error as { code?: unknown };
  if (code === 'EADDRINUSE') {
    return new StartupError({
      code: 'port_in_use',
      detail: `${names.port}: another process listens on ${host}:${port}.`,
      remedy: `Stop that process, or set ${names.port} to a free port.`,
      cause: error,
    });
  }
  if (code === 'EACCES') {
    return new StartupError({
      code: 'port_not_permitted',
      detail: `${names.port}: this user may not listen on ${port}.`,
      remedy: `Set ${names.port} to a number above 1023.`,
      cause: error,
    });
  }
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    return new StartupError({
      code: 'host_not_local',
      detail: `${names.host}: ${host} is not an address of this machine.`,
      remedy: `Set ${names.host} to one of its addresses, or to 0.0.0.0.`,
      cause: error,
    });
  }
  return error;
}
