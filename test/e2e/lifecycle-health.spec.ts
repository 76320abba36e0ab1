import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { ConnectionResponse } from '../../src/connections/connection/connection-response.dto.ts';
import { CredentialClaimRepository } from '../../src/connections/credentials/credential-claim.repository.ts';
import { CredentialVersionService } from '../../src/connections/credentials/credential-version.service.ts';
import { SuspectedTokenService } from '../../src/lifecycle/inspection/suspected-token.service.ts';
import { ManualRefreshService } from '../../src/lifecycle/refresh/manual-refresh.service.ts';
import { CredentialWorker } from '../../src/lifecycle/sweeps/credential-worker.ts';
import type { MetaVerdict } from '../../src/meta/errors/classify-error.ts';
import { api } from '../support/connect-test-context.ts';
import {
  DAY,
  type LifecycleTestContext,
  openLifecycleTestContext,
  seedConnections,
} from '../support/lifecycle-test-context.ts';
import { until } from '../support/until.ts';

let context: LifecycleTestContext;

beforeAll(async () => {
  context = await openLifecycleTestContext();
});
afterEach(async () => {
  context.sandbox.state.faults.clear();
  await context.revokeConnections();
  context.sandbox.state.log.clear();
  context.clock.advance(120);
});
afterAll(() => context?.close());

const check = async (id: string): Promise<ConnectionResponse> => {
  const response = await api(context).post(`/v1/connections/${id}/check`, {});
  expect(response.status).toBe(200);
  return response.body as ConnectionResponse;
};

describe('an inspection', () => {
  it('of every credential is due once a day, spread over the day, in batches', async () => {
    const made: { id: string }[] = [];
    while (made.length < 60) {
      made.push(...(await Promise.all(Array.from({ length: 10 }, () => context.importConnection()))));
    }
    context.clock.advance(0.75 * DAY);
    const first = await context.sweep.health();
    expect(first.done).toBeGreaterThan(5);
    expect(first.done).toBeLessThan(55);
    context.clock.advance(0.25 * DAY);
    const second = await context.sweep.health();
    expect(first.done + second.done).toBe(60);
    const calls = context.sandbox.state.log
      .list()
      .filter((call) => !call.inBatch && call.at > 0 && call.method === 'POST');
    expect(calls.length).toBeLessThan(200);
    expect((await context.root(made[0]?.id ?? '')).last_checked_at).not.toBeNull();
  });

  it('of everything left over from an outage spreads over the day again', async () => {
    const seeded = await seedConnections(context.replica, context.sandbox, 40, { from: 50 * DAY, to: 51 * DAY });
    context.clock.advance(3 * DAY);
    expect((await context.sweep.health()).done).toBeGreaterThanOrEqual(40);
    const due = await context.database.rows<{ hours: number }>({
      text: `SELECT extract(epoch FROM check_due_at - $1::timestamptz)::float8 / 3600 AS hours FROM credential
        WHERE connection_id = ANY ($2) ORDER BY check_due_at`,
      values: [context.clock.now(), [...seeded.values()]],
    });
    const [first, last] = [due[0]?.hours ?? 0, due.at(-1)?.hours ?? 0];
    expect(first).toBeGreaterThanOrEqual(6);
    expect(last).toBeLessThanOrEqual(24);
    expect(last - first).toBeGreaterThan(12);
  });

  it('that finds the root token dead ends the connection once, with event and audit entry', async () => {
    const { id, userId } = await context.importConnection();
    context.sandbox.state.changePassword(userId);
    const connection = await check(id);
    expect(connection).toMatchObject({
      status: 'reauth_required',
      status_reason: { code: 'password_changed', meta: { code: 190, subcode: 460 } },
      credentials: [{ health: 'invalid' }],
    });
    await check(id);
    expect(await context.audited('connection.reauth_required', id)).toHaveLength(1);
    const reported = (await context.events('connection.reauth_required')).filter(
      (event) => event['connection_id'] === id,
    );
    expect(reported).toHaveLength(1);
  });

  it('that finds it valid again after a checkpoint restores the connection', async () => {
    const { id, userId } = await context.importConnection({ expiresIn: 8 * DAY, pages: 1 });
    context.sandbox.state.setCheckpoint(userId, 490);
    expect(await check(id)).toMatchObject({ status: 'reauth_required', status_reason: { code: 'checkpoint' } });
    context.sandbox.state.setCheckpoint(userId, null);
    expect(await check(id)).toMatchObject({
      status: 'active',
      status_reason: null,
      credentials: [{ health: 'healthy' }, { health: 'healthy' }],
    });
    expect(await context.audited('connection.recovered', id)).toHaveLength(1);
    context.clock.advance(2 * DAY);
    await context.sweep.refresh();
    expect((await context.root(id)).version).toBe(2);
  });

  it('that finds a page token dead derives it again while the user token lives', async () => {
    const { id, pageIds } = await context.importConnection({ pages: 2 });
    context.sandbox.state.invalidateToken(await openPageToken(id, pageIds[0] ?? ''), 460);
    const { status, credentials } = await check(id);
    expect(status).toBe('active');
    expect(credentials.find((one) => one.subject_id === pageIds[0])).toMatchObject({ version: 2, health: 'healthy' });
    expect(credentials.find((one) => one.subject_id === pageIds[1])).toMatchObject({ version: 1, health: 'healthy' });
  });

  it('of the daily sweep that finds page tokens dead derives them again at once, one call per connection', async () => {
    const { id, pageIds } = await context.importConnection({ pages: 3 });
    for (const pageId of pageIds.slice(0, 2)) {
      context.sandbox.state.invalidateToken(await openPageToken(id, pageId), 460);
    }
    context.clock.advance(DAY);
    const before = pageReads();
    await context.sweep.health();
    const { status, credentials } = await context.connection(id);
    expect(status).toBe('active');
    const versions = pageIds.map((pageId) => credentials.find((one) => one.subject_id === pageId)?.version);
    expect(versions).toEqual([2, 2, 1]);
    expect(credentials.every((one) => one.health === 'healthy')).toBe(true);
    expect(pageReads() - before).toBe(1);
  });

  it('caused by a refused call derives a dead page token again at once', async () => {
    const { id, pageIds } = await context.importConnection({ pages: 1 });
    context.sandbox.state.invalidateToken(await openPageToken(id, pageIds[0] ?? ''), 460);
    expect(await suspect(id, pageIds[0] ?? '')).toBe('dead');
    await until(
      async () => (await context.connection(id)).credentials.find((one) => one.kind === 'page'),
      (page) => page?.version === 2 && page.health === 'healthy',
    );
  });

  it('caused by a refused call with a page token ends the connection at once if the user token died as well', async () => {
    const { id, userId, pageIds } = await context.importConnection({ pages: 1 });
    context.sandbox.state.changePassword(userId);
    expect(await suspect(id, pageIds[0] ?? '')).toBe('dead');
    const ended = await until(
      () => context.connection(id),
      ({ status }) => status !== 'active',
    );
    expect(ended).toMatchObject({ status: 'reauth_required', status_reason: { code: 'password_changed' } });
  });

  it('honors the back-off of a Page that Meta gives no token for', async () => {
    const { id, userId, pageIds } = await context.importConnection({ pages: 1 });
    context.sandbox.state.removePageRole(userId, pageIds[0] ?? '');
    await inspect(id);
    const before = pageReads();
    context.clock.advance(3);
    // What the report starts is over when both have ended.
    const worker = context.replica.app.get(CredentialWorker);
    const [check, derivation] = [jest.spyOn(worker, 'checkNow'), jest.spyOn(worker, 'deriveDue')];
    expect(await suspect(id, pageIds[0] ?? '')).toBe('dead');
    expect(await check.mock.results[0]?.value).toBe('to_be_derived');
    await derivation.mock.results[0]?.value;
    expect([check.mock.calls.length, derivation.mock.calls.length]).toEqual([1, 1]);
    for (const spy of [check, derivation]) spy.mockRestore();
    const page = (await context.connection(id)).credentials.find((one) => one.kind === 'page');
    expect(page?.last_checked_at).toBe(context.clock.now().toISOString());
    await context.schedule.runUrgentWork();
    expect(pageReads()).toBe(before);
  });

  it('of a Page whose role is lost leaves the connection active, and says so on the Page', async () => {
    const { id, userId, pageIds } = await context.importConnection({ pages: 2 });
    context.sandbox.state.removePageRole(userId, pageIds[0] ?? '');
    await inspect(id);
    const { status, credentials } = await context.connection(id);
    expect(status).toBe('active');
    expect(credentials.find((one) => one.subject_id === pageIds[0])).toMatchObject({
      health: 'invalid',
      failure: { code: 'page_token_lost' },
    });
  });

  it('that is impossible kills nothing, and is retried', async () => {
    const { id } = await context.importConnection();
    context.fault({ kind: 'status', status: 503 }, { pathPattern: 'debug_token' }, null);
    expect(await check(id)).toMatchObject({
      status: 'active',
      credentials: [{ health: 'healthy', failure: { code: 'check_failed' } }],
    });
    context.sandbox.state.faults.clear();
    expect((await check(id)).credentials[0]).toMatchObject({ health: 'healthy', failure: null });
  });

  it('updates scopes and expiry', async () => {
    const { id, userId, token } = await context.importConnection();
    context.sandbox.state.removeScope(userId, 'email');
    const sooner = context.clock.now().getTime() + 5 * DAY * 1000;
    context.sandbox.state.expireToken(token, sooner);
    const connection = await check(id);
    expect(connection.scopes).not.toContain('email');
    expect(connection.credentials[0]).toMatchObject({ health: 'expiring' });
    expect(Math.abs(Date.parse(connection.credentials[0]?.expires_at ?? '') - sooner)).toBeLessThan(1000);
    await context.sweep.refresh();
    expect((await context.root(id)).version).toBe(2);
  });
});

describe('the end of data access', () => {
  it('is announced 14, 7 and 1 days before, once each, and then requires a login', async () => {
    const { id } = await context.importConnection();
    const notices = async () =>
      (await context.events('connection.expiring'))
        .filter((event) => event['connection_id'] === id)
        .map((event) => event['days_left']);
    await context.schedule.runUrgentWork();
    expect(await notices()).toEqual([]);
    for (const [days, expected] of [
      [76.1, [14]],
      [1, [14]],
      [6.1, [14, 7]],
      [6, [14, 7, 1]],
    ] as const) {
      context.clock.advance(days * DAY);
      await context.schedule.runUrgentWork();
      await context.schedule.runUrgentWork();
      expect(await notices()).toEqual(expected);
    }
    context.clock.advance(DAY);
    await context.schedule.runUrgentWork();
    expect(await context.connection(id)).toMatchObject({
      status: 'reauth_required',
      status_reason: { code: 'data_access_expired' },
    });
  });
});

/** Only the tokens, without rediscovery. */
async function inspect(connectionId: `con_${string}`): Promise<void> {
  await context.replica.app.get(ManualRefreshService).check(connectionId);
}

/** Reads of Pages by id: one by one, or in one call. */
const pageReads = (): number =>
  context.sandbox.state.log
    .list()
    .filter(({ method, path }) => method === 'GET' && /^\/v[\d.]+(\/\d*)?$/.test(path.replace(/^\/graph[^/]*/, '')))
    .length;

/** A client's call with the page token was refused. */
async function suspect(connectionId: string, pageId: string): Promise<string> {
  const page = (await context.connection(connectionId)).credentials.find((one) => one.subject_id === pageId);
  if (page === undefined) throw new Error('no such page');
  const verdict = { kind: 'suspect' } as MetaVerdict;
  return context.replica.app.get(SuspectedTokenService).report(page.id, page.version, { code: 190 }, verdict);
}

/** The token that the service holds for a page, as only a test may see it. */
async function openPageToken(connectionId: string, pageId: string): Promise<string> {
  const [row] = await context.database.rows<{ id: `crd_${string}` }>({
    text: `SELECT id FROM credential WHERE connection_id = $1 AND subject_id = $2`,
    values: [connectionId, pageId],
  });
  const claims = context.replica.app.get(CredentialClaimRepository);
  const credential = await claims.find(row?.id ?? 'crd_');
  if (credential === null) throw new Error('no such page');
  return (await context.replica.app.get(CredentialVersionService).openCurrent(credential))?.expose() ?? '';
}
