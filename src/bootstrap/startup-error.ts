import { ConfigError } from '../config/environment-reader.ts';
import { WrongRootKey } from '../vault/keys/key-ring.ts';
import { RootKeyUnavailable } from '../vault/root-keys/root-key.ts';

/** A start that failed for a reason that the operator can mend. The message names the variable and the mend. */
export class StartFailure extends Error {
  constructor(message: string, cause: unknown) {
    super(message, { cause });
    this.name = 'StartFailure';
  }
}

/** What an operator is told about a start that failed: one message; a stack only where it is a fault of ours. */
export function explain(error: unknown): string {
  if (
    error instanceof ConfigError ||
    error instanceof WrongRootKey ||
    error instanceof RootKeyUnavailable ||
    error instanceof StartFailure
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
  // Postgres ends, starts or recovers.
  '57P01',
  '57P02',
  '57P03',
]);

/** A failed first connection in words; never with the password of the address. */
export function databaseFailure(error: unknown, databaseUrl: string): unknown {
  const code = String((error as { code?: unknown }).code ?? '');
  const where = URL.canParse(databaseUrl) ? new URL(databaseUrl) : null;
  const place = where === null ? 'the database' : `${where.host}${where.pathname}`;
  const tell = (what: string): StartFailure => new StartFailure(`DATABASE_URL: ${what}`, error);
  if (UNREACHABLE.has(code) || /timeout|terminated unexpectedly/i.test(String((error as Error).message))) {
    return tell(
      `Postgres does not answer at ${place} (${code || 'no answer in time'}). Start it, or correct the address.`,
    );
  }
  if (code === '28P01' || code === '28000')
    return tell(`Postgres at ${place} refuses this user or password. Correct them.`);
  if (code === '3D000') return tell(`there is no such database at ${place}. Create it, or correct the name.`);
  if (code === '42501') {
    return tell(
      `the user may not do this at ${place}. Give it the right to create tables on its schema, or run metavault migrate as the user that owns them (migrations/roles.sql).`,
    );
  }
  return error;
}

/** A failed listen in words. */
export function listenFailure(error: unknown, host: string, port: number): unknown {
  const { code } = error as { code?: unknown };
  if (code === 'EADDRINUSE') {
    return new StartFailure(
      `PORT: ${port} on ${host} is taken by another process. Stop that one, or set PORT to a free port.`,
      error,
    );
  }
  if (code === 'EACCES')
    return new StartFailure(`PORT: this user may not listen on ${port}. Set PORT to one above 1023.`, error);
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    return new StartFailure(
      `HOST: this machine has no address ${host}. Set HOST to one of its own, or to 0.0.0.0.`,
      error,
    );
  }
  return error;
}
