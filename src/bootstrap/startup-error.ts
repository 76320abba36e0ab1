import { ConfigError } from '../config/environment-reader.ts';
import { WrongRootKeyError } from '../vault/keys/key-ring.ts';
import { RootKeyUnavailableError } from '../vault/root-keys/root-key.ts';
import { UnprovenRowsError } from './unproven-rows-error.ts';

/** A start that failed for a reason that the operator can fix. The message names the variable and the fix. */
export class StartupError extends Error {
  constructor(message: string, cause: unknown) {
    super(message, { cause });
    this.name = 'StartupError';
  }
}

/** The message for the operator about a failed start; with a stack only if the fault is ours. */
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
  // Postgres is stopping, starting or recovering.
  '57P01',
  '57P02',
  '57P03',
]);

/** A failed first connection as a message for the operator; never with the password in the address. */
export function toDatabaseStartupError(error: unknown, databaseUrl: string): unknown {
  const code = String((error as { code?: unknown }).code ?? '');
  const where = URL.canParse(databaseUrl) ? new URL(databaseUrl) : null;
  const place = where === null ? 'the database' : `${where.host}${where.pathname}`;
  const startupError = (what: string): StartupError => new StartupError(`DATABASE_URL: ${what}`, error);
  if (UNREACHABLE.has(code) || /timeout|terminated unexpectedly/i.test(String((error as Error).message))) {
    return startupError(
      `Postgres does not answer at ${place} (${code || 'timeout'}). Start it, or correct the address.`,
    );
  }
  if (code === '28P01' || code === '28000')
    return startupError(`Postgres at ${place} refuses this user or password. Correct them.`);
  if (code === '3D000') return startupError(`there is no such database at ${place}. Create it, or correct the name.`);
  if (code === '42501') {
    return startupError(
      `the user may not do this at ${place}. Give it the right to create tables on its schema, or run metavault migrate as the user that owns them (migrations/roles.sql).`,
    );
  }
  return error;
}

/** A failed `listen` as a message for the operator. */
export function toListenStartupError(error: unknown, host: string, port: number): unknown {
  const { code } = error as { code?: unknown };
  if (code === 'EADDRINUSE') {
    return new StartupError(
      `PORT: ${port} on ${host} is taken by another process. Stop that one, or set PORT to a free port.`,
      error,
    );
  }
  if (code === 'EACCES')
    return new StartupError(`PORT: this user may not listen on ${port}. Set PORT to one above 1023.`, error);
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    return new StartupError(
      `HOST: this machine has no address ${host}. Set HOST to one of its own, or to 0.0.0.0.`,
      error,
    );
  }
  return error;
}
