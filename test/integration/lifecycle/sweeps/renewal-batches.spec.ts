import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import {
  DAY,
  type LifecycleTestContext,
  openLifecycleTestContext,
  seedConnections,
} from '../../../support/lifecycle-test-context.ts';
import { until } from '../../../support/until.ts';

const DUE = 64;
/** Statements per token, of all in a sweep, including BEGIN and COMMIT. */
const MOST_STATEMENTS_EACH = 4;

let context: LifecycleTestContext;
let connectionIds: string[];

beforeAll(async () => {
  context = await openLifecycleTestContext();
});
afterAll(() => context?.close());
beforeEach(async () => {
  const seeded = await seedConnections(context.replica, context.sandbox, DUE, { from: 2 * DAY, to: 3 * DAY });
  connectionIds = [...seeded.values()];
  // Makes answers arrive at about the same time, as from a fast Meta for many tokens.
  context.sandbox.state.setLatency(100);
});
afterEach(async () => {
  context.sandbox.state.setLatency(0);
  await context.revokeConnections();
});

interface Standing {
  version: number;
  code: string | null;
  events: number;
  entries: number;
}

/** Each connection's root, with the numbers of its refresh events and audit entries. */
async function standing(): Promise<Map<string, Standing>> {
  const rows = await context.database.rows<Standing & { connection_id: string }>({
    text: `SELECT c.connection_id, c.version, c.failure->>'code' AS code,
        (SELECT count(*)::integer FROM event e WHERE e.connection_id = c.connection_id AND e.type = 'connection.refreshed') AS events,
        (SELECT count(*)::integer FROM audit_entry a WHERE a.connection_id = c.connection_id AND a.action = 'credential.refreshed') AS entries
      FROM credential c WHERE c.connection_id = ANY ($1)`,
    values: [connectionIds],
  });
  return new Map(rows.map(({ connection_id, ...row }) => [connection_id, row]));
}

async function countLeftovers(): Promise<{ pending: number; orphans: number }> {
  const [row] = await context.database.rows<{ pending: number; orphans: number }>({
    text: `SELECT (SELECT count(*)::integer FROM credential_version WHERE state = 'pending') AS pending,
      (SELECT count(*)::integer FROM sealed_secret s WHERE NOT EXISTS (SELECT FROM credential c WHERE c.secret_id = s.id)
        AND NOT EXISTS (SELECT FROM credential_version v WHERE v.secret_id = s.id)) AS orphans`,
  });
  return row ?? { pending: -1, orphans: -1 };
}

const REFRESHED: Standing = { version: 2, code: null, events: 1, entries: 1 };

/** Counts the statements sent to Postgres while `work` runs. */
async function countStatements(work: () => Promise<unknown>): Promise<number> {
  const { query } = pg.Client.prototype;
  let count = 0;
  pg.Client.prototype.query = function (this: pg.Client, ...args: Parameters<typeof query>) {
    count++;
    return query.apply(this, args);
  } as typeof query;
  try {
    await work();
    return count;
  } finally {
    pg.Client.prototype.query = query;
  }
}

describe('many renewals at once', () => {
  it(`take at most ${MOST_STATEMENTS_EACH} statements each, and leave the same as one`, async () => {
    const before = await countLeftovers();
    const statements = await countStatements(() => context.sweep.refresh());
    expect([...(await standing()).values()]).toEqual(connectionIds.map(() => REFRESHED));
    expect(await countLeftovers()).toEqual(before);
    expect(statements / DUE).toBeLessThanOrEqual(MOST_STATEMENTS_EACH);
  });

  it('do not wait for one whose row is locked, which is renewed when it is free', async () => {
    const [held = ''] = connectionIds;
    let sweep: Promise<unknown> = Promise.resolve();
    await context.database.longRunning.transaction(async (tx) => {
      await tx.rows({ text: 'SELECT id FROM connection WHERE id = $1 FOR UPDATE', values: [held] });
      sweep = context.sweep.refresh();
      await until(async () => {
        const versions = await standing();
        return connectionIds.every((id) => versions.get(id)?.version === (id === held ? 1 : 2));
      });
    });
    await sweep;
    expect((await standing()).get(held)).toEqual(REFRESHED);
  });

  it('do not fail with one that cannot be stored', async () => {
    const [broken = ''] = connectionIds;
    await refuse('credential_version', 'INSERT', broken);
    try {
      await context.sweep.refresh();
    } finally {
      await allow('credential_version');
    }
    const all = await standing();
    expect(all.get(broken)).toEqual({ version: 1, code: 'internal_error', events: 0, entries: 0 });
    all.delete(broken);
    expect([...all.values()]).toEqual(connectionIds.slice(1).map(() => REFRESHED));
  });

  it('do not fail with one that cannot be promoted, whose token stays stored and serves later', async () => {
    const [broken = ''] = connectionIds;
    await refuse('event', 'INSERT', broken);
    try {
      await context.sweep.refresh();
    } finally {
      await allow('event');
    }
    const exchanged = context.exchanges().exchanged;
    const all = await standing();
    expect(all.get(broken)).toEqual({ version: 1, code: 'internal_error', events: 0, entries: 0 });
    expect((await countLeftovers()).pending).toBe(1);
    all.delete(broken);
    expect([...all.values()]).toEqual(connectionIds.slice(1).map(() => REFRESHED));
    await context.database.run({
      text: 'UPDATE credential SET refresh_due_at = refresh_after WHERE connection_id = $1',
      values: [broken],
    });
    await context.sweep.refresh();
    expect((await standing()).get(broken)).toEqual(REFRESHED);
    expect(context.exchanges().exchanged).toBe(exchanged);
  });

  it('store nothing for one whose claim was lost meanwhile, and leave no secret of it', async () => {
    const before = await countLeftovers();
    const sweep = context.sweep.refresh();
    const [lost] = await until(
      () =>
        context.database.rows<{ connection_id: string }>({
          text: `UPDATE credential SET claim_id = 'clm_other', claimed_until = now() + interval '1 hour'
            WHERE id = (SELECT id FROM credential WHERE claim_id IS NOT NULL ORDER BY id LIMIT 1 FOR UPDATE) RETURNING connection_id`,
        }),
      (rows) => rows.length > 0,
    );
    await sweep;
    const all = await standing();
    expect(all.get(lost?.connection_id ?? '')).toEqual({ version: 1, code: null, events: 0, entries: 0 });
    all.delete(lost?.connection_id ?? '');
    expect([...all.values()]).toEqual(connectionIds.slice(1).map(() => REFRESHED));
    expect(await countLeftovers()).toEqual(before);
  });
});

/** Makes a write for one connection fail, as a bug or an exhausted disk would. */
async function refuse(table: 'credential_version' | 'event', operation: 'INSERT', connectionId: string): Promise<void> {
  const isOf =
    table === 'event'
      ? `NEW.connection_id = '${connectionId}' AND NEW.type = 'connection.refreshed'`
      : `NEW.credential_id IN (SELECT id FROM credential WHERE connection_id = '${connectionId}')`;
  await context.database.run({
    text: `CREATE FUNCTION refuse_${table}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF ${isOf} THEN RAISE EXCEPTION 'refused'; END IF; RETURN NEW; END $$`,
  });
  await context.database.run({
    text: `CREATE TRIGGER refuse BEFORE ${operation} ON ${table} FOR EACH ROW EXECUTE FUNCTION refuse_${table}()`,
  });
}

async function allow(table: string): Promise<void> {
  await context.database.run({ text: `DROP FUNCTION refuse_${table}() CASCADE` });
}
