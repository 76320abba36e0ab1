import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { ConnectionResponse } from '../../src/connections/connection/connection-response.dto.ts';
import { CredentialClaimRepository } from '../../src/connections/credentials/credential-claim.repository.ts';
import { CredentialVersionService } from '../../src/connections/credentials/credential-version.service.ts';
import type { ConnectionId } from '../../src/connections/ids.ts';
import { Database } from '../../src/database/database.ts';
import { TokenRevoker } from '../../src/lifecycle/rotation/token-revoker.ts';
import { Sweep } from '../../src/lifecycle/sweeps/sweep.ts';
import type { FaultMatch, FaultRule } from '../../src/sandbox/control/fault-script.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { type ChildReplica, startChildReplica } from '../support/child-replica.ts';
import { startTestReplica, TEST_ADMIN_KEY, type TestReplica } from '../support/test-replica.ts';
import { startTestSandbox } from '../support/test-sandbox.ts';
import { until } from '../support/until.ts';

/** The full goal is ROTATION_KILLS=100 KILL_CONNECTIONS=50; the default is a small run of the same. */
const KILLS = Number(process.env['ROTATION_KILLS'] ?? 4);
const CONNECTIONS = Number(process.env['KILL_CONNECTIONS'] ?? 8);
const CLAIM_SECONDS = 2;

let sandbox: Sandbox;
let origin: TestReplica;
let database: Database;

beforeAll(async () => {
  sandbox = await startTestSandbox();
  origin = await startTestReplica({ environment: { ...sandbox.environment(), CLAIM_SECONDS: String(CLAIM_SECONDS) } });
  database = origin.app.get(Database);
});
afterEach(() => {
  sandbox.state.faults.clear();
  sandbox.state.setLatency(0);
});
afterAll(async () => {
  await origin?.close();
  await sandbox?.close();
});

const startReplica = (): Promise<ChildReplica> =>
  startChildReplica({
    ...sandbox.environment(),
    DATABASE_URL: origin.databaseUrl,
    CLAIM_SECONDS: String(CLAIM_SECONDS),
    PORT: '0',
  });
const HEADERS = { authorization: `Bearer ${TEST_ADMIN_KEY}`, 'content-type': 'application/json' };
const post = async (replica: { url: string }, path: string, body: object = {}): Promise<unknown> =>
  (await fetch(`${replica.url}${path}`, { method: 'POST', headers: HEADERS, body: JSON.stringify(body) })).json();

interface Connected {
  id: ConnectionId;
  userId: string;
  token: string;
}

async function importSystemUser(replica: { url: string }): Promise<Connected> {
  const { id: userId } = sandbox.state.make.user({ kind: 'system_user' });
  const { accessToken: token } = sandbox.state.make.token({ userId, expiresIn: null });
  const body = { tenant: 'acme', product: 'whatsapp', access_token: token };
  const { id } = (await post(replica, '/v1/connections/import', body)) as ConnectionResponse;
  return { id, userId, token };
}

async function servingToken(id: ConnectionId): Promise<string> {
  const root = await origin.app.get(CredentialClaimRepository).findRoot(id);
  if (root === null) throw new Error(`${id} has no credential`);
  return (await origin.app.get(CredentialVersionService).openCurrent(root))?.expose() ?? '';
}

const lives = async (token: string): Promise<boolean> => {
  const url = `${sandbox.url}/graph.facebook.com/v26.0/me`;
  return (await fetch(url, { headers: { authorization: `Bearer ${token}` } })).status === 200;
};

interface Row {
  version: number;
  status: string;
  pending: number;
  to_revoke: number;
  is_due: boolean;
}
/** A replica killed before it released a finished credential leaves an expired claim, which stops nobody. */
const IS_DUE = '(c.rotation_due_at IS NOT NULL OR c.claimed_until IS NOT NULL AND c.claimed_until > now())';
const row = async (id: ConnectionId): Promise<Row> => {
  const [found] = await database.rows<Row>({
    text: `SELECT c.version, n.status, ${IS_DUE} AS is_due,
        (SELECT count(*)::integer FROM credential_version v WHERE v.credential_id = c.id AND v.state = 'pending') AS pending,
        (SELECT count(*)::integer FROM token_revocation r WHERE r.connection_id = n.id) AS to_revoke
      FROM credential c JOIN connection n ON n.id = c.connection_id WHERE c.connection_id = $1`,
    values: [id],
  });
  if (found === undefined) throw new Error(`${id} has no row`);
  return found;
};

/** As if time passed: what failed is due again, even if a replica that was killed had claimed it after that. */
async function endBackOffs(): Promise<void> {
  const free = '(claimed_until IS NULL OR claimed_until < now())';
  await database.run({ text: `UPDATE token_revocation SET next_attempt_at = now() WHERE ${free}` });
  await database.run({
    text: `UPDATE credential SET rotation_due_at = now() WHERE rotation_due_at > now() AND ${free}`,
  });
}

/** What the replicas do each minute, until nothing is left. Reports what stays. */
async function finishAll(): Promise<void> {
  await until(
    async () => {
      await endBackOffs();
      await origin.app.get(Sweep).refresh('retries');
      await origin.app.get(TokenRevoker).processDue(() => false);
      return database.rows({
        text: `SELECT to_jsonb(r) - 'secret_id' AS left FROM token_revocation r
          UNION ALL SELECT to_jsonb(c) - 'token_hash' FROM credential c WHERE ${IS_DUE}`,
      });
    },
    (left) => left.length === 0,
  );
}

const orphans = () =>
  database.rows({
    text: `SELECT id FROM sealed_secret s WHERE NOT EXISTS (SELECT 1 FROM credential c WHERE c.secret_id = s.id)
      AND NOT EXISTS (SELECT 1 FROM credential_version v WHERE v.secret_id = s.id)`,
  });

describe('kill -9 during a rotation', () => {
  const generated = () => sandbox.state.log.list().filter(({ path }) => path.endsWith('/access_tokens')).length;
  /** Delays the next matching call for longer than the kill takes. */
  const hold = (match: FaultMatch): FaultRule =>
    sandbox.state.faults.add({ fault: { kind: 'delay', delayMs: 5_000 }, match, times: 1 });
  /** Delays the inspection of the token that Meta generates next. */
  const holdNextInspection = (): (() => FaultRule | null) => {
    let rule: FaultRule | null = null;
    const { tokens } = sandbox.state;
    const mint = tokens.mint.bind(tokens);
    tokens.mint = (...given) => {
      tokens.mint = mint;
      rule = hold({ pathPattern: 'debug_token' });
      return mint(...given);
    };
    return () => rule;
  };
  const holding = (match: FaultMatch) => (): (() => FaultRule | null) => {
    const rule = hold(match);
    return () => rule;
  };

  it.each<[string, () => () => FaultRule | null, Partial<Row>, number]>([
    ['before asking Meta for a token', holding({ pathPattern: 'debug_token' }), { version: 1, pending: 0 }, 1],
    // Meta still generates a token, which nobody holds and nobody can revoke.
    ['while Meta generates the token', holding({ pathPattern: 'access_tokens$' }), { version: 1, pending: 0 }, 2],
    ['after the token was stored', holdNextInspection, { version: 1, pending: 1 }, 1],
    ['after the promotion', holding({ pathPattern: 'oauth/revoke$' }), { version: 2, pending: 0, to_revoke: 1 }, 1],
  ])('%s: a restart finishes', async (_, holdStep, left, requests) => {
    const replica = await startReplica();
    const { id, token } = await importSystemUser(replica);
    const before = generated();
    const held = holdStep();
    const answer = post(replica, `/v1/connections/${id}/rotate`).catch(() => null);
    await until(() => held()?.struck === 1);
    await replica.kill();
    await answer;
    expect(await row(id)).toMatchObject({ ...left, status: 'active' });
    await finishAll();
    expect(await row(id)).toEqual({ version: 2, status: 'active', pending: 0, to_revoke: 0, is_due: false });
    const fresh = await servingToken(id);
    expect([fresh === token, await lives(fresh), await lives(token)]).toEqual([false, true, false]);
    await until(() => generated() - before >= requests);
    expect(generated() - before).toBe(requests);
    expect(await orphans()).toEqual([]);
  });

  it(`${KILLS} times at any moment, over ${CONNECTIONS} connections, loses no token and leaves no old one alive`, async () => {
    const first = await startReplica();
    const connected = await Promise.all(Array.from({ length: CONNECTIONS }, () => importSystemUser(first)));
    await first.kill();
    const served = new Map(connected.map(({ id, token }) => [id, new Set([token])]));
    const note = async (): Promise<void> => {
      for (const { id } of connected) served.get(id)?.add(await servingToken(id));
    };
    sandbox.state.setLatency(5, 60);
    for (let kill = 0; kill < KILLS; kill++) {
      const replica = await startReplica();
      const working = Promise.all(
        connected.map(({ id }) => post(replica, `/v1/connections/${id}/rotate`).catch(() => null)),
      );
      // The test is about the moment of the kill: any will do, and each kill takes a different one.
      await sleep(30 + Math.random() * 900);
      await replica.kill();
      await working;
      await note();
    }
    await finishAll();
    await note();
    for (const { id } of connected) {
      const fresh = await servingToken(id);
      const others = [...(served.get(id) ?? [])].filter((token) => token !== fresh);
      expect(await lives(fresh)).toBe(true);
      for (const old of others) expect(await lives(old)).toBe(false);
      expect(await row(id)).toMatchObject({ status: 'active', pending: 0, to_revoke: 0, is_due: false });
    }
    expect(await orphans()).toEqual([]);
  }, 1_800_000);
});
