import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { ConnectionView } from '../../src/connections/connection/connection-response.dto.ts';
import { CredentialClaims } from '../../src/connections/credentials/credential-claim.repository.ts';
import { CredentialVersions } from '../../src/connections/credentials/credential-version.repository.ts';
import { Suspicion } from '../../src/lifecycle/inspection/suspected-token.service.ts';
import type { MetaVerdict } from '../../src/meta/errors/classify-error.ts';
import { api } from '../support/connect-test-context.ts';
import { DAY, type LifecycleStage, lifecycleStage, seedConnections } from '../support/lifecycle-test-context.ts';

let stage: LifecycleStage;

beforeAll(async () => {
  stage = await lifecycleStage();
});
afterEach(() => {
  stage.sandbox.state.faults.clear();
  stage.clock.advance(120);
});
afterAll(() => stage?.close());

const check = async (id: string): Promise<ConnectionView> => {
  const answer = await api(stage).post(`/v1/connections/${id}/check`, {});
  expect(answer.status).toBe(200);
  return answer.body as ConnectionView;
};

describe('an inspection', () => {
  it('of every credential is due once a day, spread over it, in batches', async () => {
    const made = await Promise.all(Array.from({ length: 60 }, () => stage.imported()));
    stage.clock.advance(0.75 * DAY);
    const first = await stage.sweep.health();
    expect(first.done).toBeGreaterThan(5);
    expect(first.done).toBeLessThan(55);
    stage.clock.advance(0.25 * DAY);
    const second = await stage.sweep.health();
    expect(first.done + second.done).toBe(60);
    const calls = stage.sandbox.state.log
      .list()
      .filter((call) => !call.inBatch && call.at > 0 && call.method === 'POST');
    expect(calls.length).toBeLessThan(200);
    expect((await stage.root(made[0]?.id ?? '')).last_checked_at).not.toBeNull();
    for (const { id } of made) await api(stage).delete(`/v1/connections/${id}`);
  }, 120_000);

  it('of all that an outage left behind at once spreads over the day again', async () => {
    const seeded = await seedConnections(stage.replica, stage.sandbox, 40, { from: 50 * DAY, to: 51 * DAY });
    stage.clock.advance(3 * DAY);
    expect((await stage.sweep.health()).done).toBeGreaterThanOrEqual(40);
    const due = await stage.database.rows<{ hours: number }>({
      text: `SELECT extract(epoch FROM check_due_at - $1::timestamptz)::float8 / 3600 AS hours FROM credential
        WHERE connection_id = ANY ($2) ORDER BY check_due_at`,
      values: [stage.clock.now(), [...seeded.values()]],
    });
    const [first, last] = [due[0]?.hours ?? 0, due.at(-1)?.hours ?? 0];
    expect(first).toBeGreaterThanOrEqual(6);
    expect(last).toBeLessThanOrEqual(24);
    expect(last - first).toBeGreaterThan(12);
    for (const id of seeded.values()) await api(stage).delete(`/v1/connections/${id}`);
  }, 120_000);

  it('that finds the root token dead ends the connection, once, with event and audit entry', async () => {
    const { id, userId } = await stage.imported();
    stage.sandbox.state.changePassword(userId);
    const before = (await stage.audited('connection.reauth_required')).length;
    const connection = await check(id);
    expect(connection).toMatchObject({
      status: 'reauth_required',
      status_reason: { code: 'password_changed', meta: { code: 190, subcode: 460 } },
      credentials: [{ health: 'invalid' }],
    });
    await check(id);
    expect(await stage.audited('connection.reauth_required')).toHaveLength(before + 1);
    const told = (await stage.events('connection.reauth_required')).filter((event) => event['connection_id'] === id);
    expect(told).toHaveLength(1);
  });

  it('that finds it valid again after a checkpoint brings the connection back', async () => {
    const { id, userId } = await stage.imported({ expiresIn: 8 * DAY });
    stage.sandbox.state.setCheckpoint(userId, 490);
    expect(await check(id)).toMatchObject({ status: 'reauth_required', status_reason: { code: 'checkpoint' } });
    stage.sandbox.state.setCheckpoint(userId, null);
    expect(await check(id)).toMatchObject({
      status: 'active',
      status_reason: null,
      credentials: [{ health: 'healthy' }],
    });
    expect(await stage.audited('connection.recovered')).toHaveLength(1);
    stage.clock.advance(2 * DAY);
    await stage.sweep.refresh();
    expect((await stage.root(id)).version).toBe(2);
  });

  it('that finds a page token dead derives it again while the user token lives', async () => {
    const { id, pageIds } = await stage.imported({ pages: 2 });
    stage.sandbox.state.invalidateToken(await openPageToken(id, pageIds[0] ?? ''), 460);
    const { status, credentials } = await check(id);
    expect(status).toBe('active');
    expect(credentials.find((one) => one.subject_id === pageIds[0])).toMatchObject({ version: 2, health: 'healthy' });
    expect(credentials.find((one) => one.subject_id === pageIds[1])).toMatchObject({ version: 1, health: 'healthy' });
  });

  it('of the daily sweep that finds page tokens dead derives them again at once, one list for all of a connection', async () => {
    const { id, pageIds } = await stage.imported({ pages: 3 });
    for (const pageId of pageIds.slice(0, 2)) {
      stage.sandbox.state.invalidateToken(await openPageToken(id, pageId), 460);
    }
    stage.clock.advance(DAY);
    const before = lists();
    await stage.sweep.health();
    const { status, credentials } = await stage.connection(id);
    expect(status).toBe('active');
    const versions = pageIds.map((pageId) => credentials.find((one) => one.subject_id === pageId)?.version);
    expect(versions).toEqual([2, 2, 1]);
    expect(credentials.every((one) => one.health === 'healthy')).toBe(true);
    expect(lists() - before).toBe(1);
  });

  it('asked for by a refused call derives a dead page token again at once', async () => {
    const { id, pageIds } = await stage.imported({ pages: 1 });
    stage.sandbox.state.invalidateToken(await openPageToken(id, pageIds[0] ?? ''), 460);
    expect(await suspect(id, pageIds[0] ?? '')).toBe('dead');
    await eventually(async () => {
      const page = (await stage.connection(id)).credentials.find((one) => one.kind === 'page');
      expect(page).toMatchObject({ version: 2, health: 'healthy' });
    });
  });

  it('asked for by a refused call with a page token ends the connection at once where the user token died as well', async () => {
    const { id, userId, pageIds } = await stage.imported({ pages: 1 });
    stage.sandbox.state.changePassword(userId);
    expect(await suspect(id, pageIds[0] ?? '')).toBe('dead');
    await eventually(async () => {
      expect(await stage.connection(id)).toMatchObject({
        status: 'reauth_required',
        status_reason: { code: 'password_changed' },
      });
    });
  });

  it('honours the back-off of a page that Meta gives no token for', async () => {
    const { id, userId, pageIds } = await stage.imported({ pages: 1 });
    stage.sandbox.state.removePageRole(userId, pageIds[0] ?? '');
    await check(id);
    const before = lists();
    stage.clock.advance(3);
    expect(await suspect(id, pageIds[0] ?? '')).toBe('dead');
    await eventually(async () => {
      const page = (await stage.connection(id)).credentials.find((one) => one.kind === 'page');
      expect(page?.last_checked_at).toBe(stage.clock.now().toISOString());
    });
    await stage.schedule.look();
    await sleep(100);
    expect(lists()).toBe(before);
  });

  it('of a page whose role is lost leaves the connection active, and says so on the page', async () => {
    const { id, userId, pageIds } = await stage.imported({ pages: 2 });
    stage.sandbox.state.removePageRole(userId, pageIds[0] ?? '');
    const { status, credentials } = await check(id);
    expect(status).toBe('active');
    expect(credentials.find((one) => one.subject_id === pageIds[0])).toMatchObject({
      health: 'invalid',
      failure: { code: 'page_token_lost' },
    });
  });

  it('that cannot be had kills nothing, and is made again', async () => {
    const { id } = await stage.imported();
    stage.fault({ kind: 'status', status: 503 }, { pathPattern: 'debug_token' }, null);
    expect(await check(id)).toMatchObject({
      status: 'active',
      credentials: [{ health: 'healthy', failure: { code: 'check_failed' } }],
    });
    stage.sandbox.state.faults.clear();
    expect((await check(id)).credentials[0]).toMatchObject({ health: 'healthy', failure: null });
  });

  it('takes over what Meta says of scopes and ends', async () => {
    const { id, userId, token } = await stage.imported();
    stage.sandbox.state.removeScope(userId, 'email');
    const sooner = stage.clock.now().getTime() + 5 * DAY * 1000;
    stage.sandbox.state.expireToken(token, sooner);
    const connection = await check(id);
    expect(connection.scopes).not.toContain('email');
    expect(connection.credentials[0]).toMatchObject({ health: 'expiring' });
    expect(Math.abs(Date.parse(connection.credentials[0]?.expires_at ?? '') - sooner)).toBeLessThan(1000);
    await stage.sweep.refresh();
    expect((await stage.root(id)).version).toBe(2);
  });
});

describe('data access that ends', () => {
  it('is announced 14, 7 and 1 days before, once each, and then needs a login', async () => {
    const { id } = await stage.imported();
    const notices = async () =>
      (await stage.events('connection.expiring'))
        .filter((event) => event['connection_id'] === id)
        .map((event) => event['days_left']);
    await stage.schedule.look();
    expect(await notices()).toEqual([]);
    for (const [days, expected] of [
      [76.1, [14]],
      [1, [14]],
      [6.1, [14, 7]],
      [6, [14, 7, 1]],
    ] as const) {
      stage.clock.advance(days * DAY);
      await stage.schedule.look();
      await stage.schedule.look();
      expect(await notices()).toEqual(expected);
    }
    stage.clock.advance(DAY);
    await stage.schedule.look();
    expect(await stage.connection(id)).toMatchObject({
      status: 'reauth_required',
      status_reason: { code: 'data_access_expired' },
    });
  });
});

const lists = (): number => stage.sandbox.state.log.list().filter((call) => call.path.endsWith('/me/accounts')).length;

/** Someone's call with the page's token was refused. */
async function suspect(connectionId: string, pageId: string): Promise<string> {
  const page = (await stage.connection(connectionId)).credentials.find((one) => one.subject_id === pageId);
  if (page === undefined) throw new Error('no such page');
  const verdict = { kind: 'suspect' } as MetaVerdict;
  return stage.replica.app.get(Suspicion).report(page.id, page.version, { code: 190 }, verdict);
}

async function eventually(expectation: () => Promise<void>): Promise<void> {
  const until = Date.now() + 5_000;
  for (;;) {
    try {
      return await expectation();
    } catch (error) {
      if (Date.now() > until) throw error;
      await sleep(25);
    }
  }
}

/** The token that the service holds for a page, as only a test may see it. */
async function openPageToken(connectionId: string, pageId: string): Promise<string> {
  const [row] = await stage.database.rows<{ id: string }>({
    text: `SELECT id FROM credential WHERE connection_id = $1 AND subject_id = $2`,
    values: [connectionId, pageId],
  });
  const claims = stage.replica.app.get(CredentialClaims);
  const credential = await claims.find(row?.id ?? '');
  if (credential === null) throw new Error('no such page');
  return (await stage.replica.app.get(CredentialVersions).openServing(credential))?.expose() ?? '';
}
