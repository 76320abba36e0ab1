import { DatabaseUrlError, describeDatabase, parseDatabaseUrl } from '../config/database-url.ts';
import { ConfigError } from '../config/environment-reader.ts';
import { DatabasePasswordError } from '../database/servers/password-source.ts';
import { UnfitPoolerError } from '../database/servers/pooler.ts';
import { isTlsFailure } from '../database/servers/server-tls.ts';
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
  database_password_unavailable: 'the database password is missing, or its file or command does not provide one',
  database_tls_failed: 'Postgres does not offer TLS, or its certificate cannot be verified',
  database_read_only: 'no server of the database takes writes',
  database_pooler_unfit: 'the pooler in front of Postgres cannot be used like this',
  migrations_missing: 'the schema is older than this release, which may not migrate it',
  schema_too_new: 'the schema is too new for this release',
  port_in_use: 'another process listens on the port',
  port_not_permitted: 'this user may not listen on the port',
  host_not_local: 'the host is not an address of this machine',
  file_unreadable: 'a file cannot be read',
  invalid_file: 'an import file is not CSV or JSON lines',
  done_file_unusable: 'the file that records imported rows cannot be read or written',
  invalid_anchor: 'the text or file is not an anchor of the audit record',
  invalid_place: 'a verification of the audit record cannot continue from the progress saved in this file',
  prune_refused: 'these audit entries may not be pruned',
  admin_key_missing: 'a running service was named without an admin key for it',
  service_unreachable: 'the running service does not respond',
  service_refused: 'the running service refuses, without a code of its own',
  internal_error: 'a bug',
} as const;
type StartupErrorCode = keyof typeof STARTUP_ERROR_CODES;

/** A failure as described to the operator. */
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
  'ENOENT',
  // Postgres is shutting down, starting or recovering.
  '57P01',
  '57P02',
  '57P03',
]);

/**
 * Converts a failed or lost database connection to a `StartupError` without the password. Returns other errors
 * unchanged.
 */
export function toDatabaseStartupError(error: unknown, databaseUrl: string, setting = 'DATABASE_URL'): unknown {
  const { code = '', message } = error as { code?: unknown; message?: unknown };
  const place = describePlace(databaseUrl);
  const toError = (kind: StartupErrorCode, what: string, remedy: string): StartupError =>
    new StartupError({ code: kind, detail: `${setting}: ${what}`, remedy, cause: error });
  if (error instanceof DatabasePasswordError) {
    const remedy = 'Correct the setting: it must provide the password alone.';
    return new StartupError({ code: 'database_password_unavailable', detail: error.message, remedy, cause: error });
  }
  if (error instanceof UnfitPoolerError) return toError('database_pooler_unfit', error.message, error.remedy);
  if (isTlsFailure({ code: code === '' ? undefined : code, message })) {
    const what = `TLS with Postgres at ${place} failed (${String(code) || 'the server does not offer it'}).`;
    return toError('database_tls_failed', what, 'Correct sslmode and sslrootcert, or the certificate of the server.');
  }
  if (UNREACHABLE.has(String(code)) || /timeout|terminated unexpectedly/i.test(String(message))) {
    const what = `Postgres does not answer at ${place} (${String(code) || 'timeout'}).`;
    return toError('database_unreachable', what, 'Start it, or correct the address.');
  }
  const refusal = SQL_REFUSALS[String(code)];
  return refusal === undefined ? error : toError(refusal.code, refusal.what(place), refusal.remedy);
}

interface SqlRefusal {
  code: StartupErrorCode;
  what: (place: string) => string;
  remedy: string;
}

const LOGIN_FAILED: SqlRefusal = {
  code: 'database_login_failed',
  what: (place) => `Postgres at ${place} rejects this user or password.`,
  remedy: 'Correct them.',
};

/** By SQLSTATE. */
const SQL_REFUSALS: Readonly<Record<string, SqlRefusal>> = {
  '28P01': LOGIN_FAILED,
  '28000': LOGIN_FAILED,
  '3D000': {
    code: 'database_not_found',
    what: (place) => `there is no database at ${place}.`,
    remedy: 'Create it, or correct the name.',
  },
  '42501': {
    code: 'database_permission_denied',
    what: (place) => `this user lacks a privilege at ${place}.`,
    remedy:
      'Let it create tables in its schema, or run metavault migrate as the owner of the tables (migrations/roles.sql).',
  },
  '25006': {
    code: 'database_read_only',
    what: (place) => `no server at ${place} takes writes.`,
    remedy: 'Name the primary, or all servers of the cluster with target_session_attrs=read-write.',
  },
  '08P01': {
    code: 'database_pooler_unfit',
    what: (place) => `a pooler at ${place} refuses a parameter of the connection, or to log in.`,
    remedy: 'Remove options from the URL, and make sure that the pooler has this database and user.',
  },
};

/** Host, port, and database, without user and password. */
function describePlace(databaseUrl: string): string {
  try {
    return describeDatabase(parseDatabaseUrl(databaseUrl));
  } catch (error) {
    if (error instanceof DatabaseUrlError) return 'the database';
    throw error;
  }
}

/** Says why this release can't work on the schema: these migrations have not run, or are unknown to it. */
export function toSchemaError(
  code: 'migrations_missing' | 'schema_too_new',
  migrations: readonly string[],
): StartupError {
  const names = migrations.join(', ');
  return code === 'migrations_missing'
    ? new StartupError({
        code,
        detail: `the schema is older than this release, which needs ${names}.`,
        remedy: 'Run metavault migrate of this release, as the owner of the tables, or set MIGRATE_AT_START to true.',
      })
    : new StartupError({
        code,
        detail: `this release is too old for the schema, which needs a release with ${names}.`,
        remedy: 'Start a newer release.',
      });
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
