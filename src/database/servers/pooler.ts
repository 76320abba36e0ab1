import type { Random } from '../../platform/random.ts';
import type { DatabaseServers, Pooler } from './database-servers.ts';
import type { ServerClient } from './server-client.ts';

/** Maximum milliseconds for a connection, and for each statement on it. */
const TIMEOUT_MS = 5_000;
/** Which session is lent is up to the pooler; transactions of other clients come in between. */
const ROUNDS = 3;
/** SQLSTATEs: a prepared statement already exists, or does not exist. */
const UNKEPT_STATES = new Set(['42P05', '26000']);

/** A pooler that the service can't work with. The message is a sentence without its subject. */
export class UnfitPoolerError extends Error {
  constructor(
    sentence: string,
    readonly remedy: string,
    cause?: unknown,
  ) {
    super(sentence, { cause });
    this.name = 'UnfitPoolerError';
  }
}

/**
 * Determines whether there is a pooler between us and Postgres, and how it works. Without one, this costs one
 * connection. Throws `UnfitPoolerError`, or the error of the connection.
 */
export async function inspectPooler(servers: DatabaseServers, random: Random): Promise<Pooler> {
  const one = await servers.connect(TIMEOUT_MS);
  try {
    if (!one.isPooled) return { mode: 'none', keepsPrepared: true };
    const other = await servers.connect(TIMEOUT_MS);
    try {
      if (!(await isLentByTransaction(one, other))) return { mode: 'session', keepsPrepared: true };
      return { mode: 'transaction', keepsPrepared: await keepsPrepared(one, other, random) };
    } finally {
      discard(other);
    }
  } finally {
    discard(one);
  }
}

/** Whether two clients get the same session in turn, or one client gets a different session than before. */
async function isLentByTransaction(one: ServerClient, other: ServerClient): Promise<boolean> {
  for (let round = 0; round < ROUNDS; round++) {
    const before = await readSession(one);
    await beginTransaction(other);
    const held = await readSession(other);
    if (held === before || (await readSession(one)) !== before) return true;
    await other.query('COMMIT');
  }
  return false;
}

async function beginTransaction(client: ServerClient): Promise<void> {
  try {
    await client.query('BEGIN');
    await readSession(client);
  } catch (error) {
    if ((error as Error).message === 'Query read timeout') {
      throw new UnfitPoolerError(
        'the pooler gave no second session within 5 seconds.',
        'Let it open more for this user and database (PgBouncer: default_pool_size).',
        error,
      );
    }
    if ((error as { code?: unknown }).code !== '08P01') throw error;
    throw new UnfitPoolerError(
      'the pooler allows no transactions.',
      'Use session or transaction pooling (PgBouncer: pool_mode).',
      error,
    );
  }
}

async function readSession(client: ServerClient): Promise<number | undefined> {
  return (await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]?.pid;
}

/**
 * Whether a statement prepared by one client neither conflicts with the other client's nor gets lost on another
 * session. `other` must have a transaction open.
 */
async function keepsPrepared(one: ServerClient, other: ServerClient, random: Random): Promise<boolean> {
  const statement = { name: `probe_${random.bytes(8).toString('hex')}`, text: 'SELECT 1' };
  try {
    await other.query('ROLLBACK');
    await one.query(statement);
    await other.query('BEGIN');
    await other.query(statement);
    // On a session other than that of `other`.
    await one.query(statement);
    return true;
  } catch (error) {
    if (!UNKEPT_STATES.has(String((error as { code?: unknown }).code))) throw error;
    await other.query('ROLLBACK');
    await other.query(`DEALLOCATE "${statement.name}"`).catch(() => undefined);
    return false;
  }
}

function discard(client: ServerClient): void {
  void client.end().catch(() => undefined);
}
