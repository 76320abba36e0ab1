import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Database } from '../../src/database/database.ts';
import { Sweep } from '../../src/lifecycle/sweeps/sweep.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { type ChildReplica, startChildReplica } from '../support/child-replica.ts';
import { DAY, seedConnections } from '../support/lifecycle-test-context.ts';
import { startTestReplica, TEST_ADMIN_KEY, type TestReplica } from '../support/test-replica.ts';
import { startTestSandbox } from '../support/test-sandbox.ts';
import { until } from '../support/until.ts';

/** The full goal is KILLS=200 KILL_CREDENTIALS=300; the default is a small run of the same. */
const KILLS = Number(process.env['KILLS'] ?? 6);
const CREDENTIALS = Number(process.env['KILL_CREDENTIALS'] ?? 60);
const REPLICAS = 3;
const CLAIM_SECONDS = 2;

interface Fact {
  at: number;
  userId: string;
  what: 'exchanged' | 'pending_committed' | 'pending_gone';
}

let sandbox: Sandbox;
let origin: TestReplica;
let database: Database;

beforeAll(async () => {
  sandbox = await startTestSandbox();
  origin = await startTestReplica({ environment: sandbox.environment() });
  database = origin.app.get(Database);
});
afterAll(async () => {
  await origin?.close();
  await sandbox?.close();
});

const childEnvironment = (): Record<string, string> => ({
  ...sandbox.environment(),
  DATABASE_URL: origin.databaseUrl,
  CLAIM_SECONDS: String(CLAIM_SECONDS),
  PORT: '0',
});

const sweepAt = (replica: ChildReplica): Promise<unknown> =>
  fetch(`${replica.url}/v1/maintenance/refresh-sweep`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TEST_ADMIN_KEY}` },
  }).then((response) => response.text());

/** Tokens were issued for two months, but the rows say they expire tomorrow: each round refreshes all once. */
const makeAllDue = (): Promise<number> =>
  database.run({
    text: `UPDATE credential SET expires_at = now() + interval '1 day', refresh_after = now(), refresh_due_at = now() WHERE claim_id IS NULL`,
  });

const refreshed = async (): Promise<boolean> =>
  (await database.rows({ text: 'SELECT id FROM credential WHERE version > 1 LIMIT 1' })).length > 0;

describe('kill -9 at any moment', () => {
  it(`${KILLS} times over ${CREDENTIALS} due credentials loses none, and exchanges none whose pending version is readable`, async () => {
    const ids = await seedConnections(origin, sandbox, CREDENTIALS, { from: DAY, to: 2 * DAY });
    const facts = await watch();
    sandbox.state.setLatency(20, 250);
    let kills = 0;
    let killed = 0;
    const slot = async (): Promise<void> => {
      while (kills < KILLS) {
        kills++;
        const replica = await startChildReplica(childEnvironment());
        try {
          await makeAllDue();
          const working = (async () => {
            for (;;) await sweepAt(replica);
          })().catch(() => undefined);
          // Once anything was refreshed, each kill makes some of it due a second time.
          await until(refreshed);
          // The test is about the moment of the kill: any will do, and each kill takes a different one.
          await sleep(100 + Math.random() * 1_200);
          await replica.kill();
          await working;
        } finally {
          await replica.kill();
        }
        killed++;
      }
    };
    await Promise.all(Array.from({ length: REPLICAS }, slot));
    await makeAllDue();

    const refreshLeft = async (): Promise<string | undefined> => {
      await origin.app.get(Sweep).refresh();
      const [left] = await database.rows<{ due: string }>({
        text: `SELECT count(*) AS due FROM credential WHERE refresh_due_at <= now() OR claim_id IS NOT NULL`,
      });
      return left?.due;
    };
    await until(refreshLeft, (due) => due === '0');
    expect(killed).toBe(KILLS);
    const [standing] = await database.rows<{ living: string; pending: string; versions: string; orphans: string }>({
      text: `SELECT (SELECT count(*) FROM connection WHERE status = 'active' AND id = ANY ($1)) AS living,
        (SELECT count(*) FROM credential_version WHERE state = 'pending') AS pending,
        (SELECT count(*) FROM credential WHERE version > 1 AND failure IS NULL AND expires_at > now() + interval '50 days'
          AND connection_id = ANY ($1)) AS versions,
        (SELECT count(*) FROM sealed_secret s WHERE NOT EXISTS (SELECT 1 FROM credential c WHERE c.secret_id = s.id)
          AND NOT EXISTS (SELECT 1 FROM credential_version v WHERE v.secret_id = s.id)) AS orphans`,
      values: [[...ids.values()]],
    });
    expect(standing).toEqual({
      living: String(CREDENTIALS),
      pending: '0',
      versions: String(CREDENTIALS),
      orphans: '0',
    });
    const all = await facts();
    expect(doubled(all)).toEqual([]);
    expect(all.filter((fact) => fact.what === 'exchanged').length).toBeGreaterThan(ids.size);
  }, 1_800_000);
});

describe('a replica suspended past its claim', () => {
  it("writes nothing when it resumes: the other replica's result stays", async () => {
    const [[userId, connectionId] = ['', '']] = await seedConnections(origin, sandbox, 1, { from: DAY, to: DAY });
    sandbox.state.setLatency(0);
    const delay = sandbox.state.faults.add({
      fault: { kind: 'delay', delayMs: 1_000 },
      match: { grantType: 'fb_exchange_token', userId },
      times: 1,
    });
    const asleep = await startChildReplica(childEnvironment());
    try {
      const sweep = sweepAt(asleep);
      await until(() => delay.struck > 0);
      asleep.signal('SIGSTOP');
      // Nothing can be claimed before the sleeping replica's claim ends.
      await until(async () => {
        await origin.app.get(Sweep).refresh();
        return (await row(connectionId))['version'] === 2;
      });
      const taken = await row(connectionId);
      expect(taken).toMatchObject({ version: 2, claim_id: null });
      asleep.signal('SIGCONT');
      const { refreshed, code } = JSON.parse(String(await sweep)) as { refreshed?: number; code?: string };
      // Its statement may have timed out while it slept.
      expect([0, 'database_unavailable']).toContain(refreshed ?? code);
      expect(await row(connectionId)).toEqual(taken);
    } finally {
      await asleep.kill();
    }
  });
});

const row = async (connectionId: string): Promise<Record<string, unknown>> => {
  const [found] = await database.rows({
    text: `SELECT c.version, c.claim_id, c.secret_id, encode(c.token_hash, 'hex') AS hash, c.expires_at, (
        SELECT count(*) FROM credential_version v WHERE v.credential_id = c.id AND v.state = 'pending') AS pending
      FROM credential c WHERE c.connection_id = $1`,
    values: [connectionId],
  });
  return found ?? {};
};

/** Who exchanged what and when, and when pending versions existed: recorded by the sandbox and a trigger. */
async function watch(): Promise<() => Promise<Fact[]>> {
  await database.run({ text: 'CREATE UNLOGGED TABLE pending_fact (at timestamptz, credential_id text, what text)' });
  await database.run({
    text: `CREATE FUNCTION note_pending() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF TG_OP = 'INSERT' AND NEW.state = 'pending' THEN
          INSERT INTO pending_fact VALUES (clock_timestamp(), NEW.credential_id, 'pending_committed');
        ELSIF TG_OP = 'DELETE' AND OLD.state = 'pending' THEN
          INSERT INTO pending_fact VALUES (clock_timestamp(), OLD.credential_id, 'pending_gone');
        END IF;
        RETURN NULL; END $$`,
  });
  await database.run({
    text: 'CREATE TRIGGER note_pending AFTER INSERT OR DELETE ON credential_version FOR EACH ROW EXECUTE FUNCTION note_pending()',
  });
  const exchanges: Fact[] = [];
  const { log, tokens } = sandbox.state;
  const count = log.countExchange.bind(log);
  log.countExchange = (given) => {
    exchanges.push({ at: Date.now(), userId: tokens.view(given)?.principal.id ?? '', what: 'exchanged' });
    count(given);
  };
  return async () => {
    const rows = await database.rows<{ at: Date; user_id: string; what: Fact['what'] }>({
      text: `SELECT f.at, c.subject_id AS user_id, f.what FROM pending_fact f JOIN credential c ON c.id = f.credential_id`,
    });
    return [...exchanges, ...rows.map((fact) => ({ at: fact.at.getTime(), userId: fact.user_id, what: fact.what }))];
  };
}

/** Exchanges made while a pending version of the same credential existed. */
function doubled(facts: Fact[]): Fact[] {
  const pendingSince = new Map<string, number>();
  const found: Fact[] = [];
  // Meta's response is stored right after an exchange: within these milliseconds, the order of the two clocks is noise.
  const slackMs = 20;
  for (const fact of facts.sort((a, b) => a.at - b.at)) {
    if (fact.what === 'pending_committed') pendingSince.set(fact.userId, fact.at);
    if (fact.what === 'pending_gone') pendingSince.delete(fact.userId);
    const since = pendingSince.get(fact.userId);
    if (fact.what === 'exchanged' && since !== undefined && fact.at - since > slackMs) found.push(fact);
  }
  return found;
}
