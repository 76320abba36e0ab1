import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ConnectionCountsService } from '../../../src/connections/counts/connection-counts.service.ts';
import { ActivityRecorder } from '../../../src/lifecycle/activity/activity-recorder.ts';
import type { OverviewResponse } from '../../../src/operations/overview/overview.dto.ts';
import { api } from '../../support/connect-test-context.ts';
import { DAY, type LifecycleTestContext, openLifecycleTestContext } from '../../support/lifecycle-test-context.ts';
import { until } from '../../support/until.ts';

let context: LifecycleTestContext;

beforeAll(async () => {
  context = await openLifecycleTestContext();
});
afterAll(() => context?.close());

/** Counts are kept for a while, so this first lets time pass until they are made again. */
async function read(key?: string): Promise<OverviewResponse> {
  context.clock.advance(3_600);
  const now = context.clock.now();
  const counts = context.replica.app.get(ConnectionCountsService);
  await until(async () => (await counts.read(null)).counted_at.getTime() === now.getTime());
  const response = await api(context, key).get('/v1/overview').expect(200);
  return response.body as OverviewResponse;
}

async function keyOf(role: 'admin' | 'auditor' | 'service', tenants: string[]): Promise<string> {
  const body = { name: `${role} of ${tenants.join()}`, role, tenants, products: ['*'] };
  const made = await api(context).post('/v1/clients', body).expect(201);
  return (made.body as { api_key: string }).api_key;
}

function countOf(groups: readonly { count: number }[], properties: object): number {
  const entries = Object.entries(properties);
  const isMeant = (group: object): boolean =>
    entries.every(([name, value]) => (group as Record<string, unknown>)[name] === value);
  return groups.filter(isMeant).reduce((sum, { count }) => sum + count, 0);
}

describe('the overview', () => {
  it('counts connections by what they are, and what expires on which day', async () => {
    const before = await read();
    const { id } = await context.importConnection({ tenant: 'acme' });
    await context.importConnection({ tenant: 'globex' });
    const after = await read();
    expect(after.connections.total - before.connections.total).toBe(2);
    const { product, credentials } = await context.connection(id);
    const group = { product, status: 'active', health: 'healthy' };
    expect(countOf(after.connections.by, group) - countOf(before.connections.by, group)).toBe(2);
    const date = (credentials[0]?.expires_at ?? '').slice(0, 10);
    expect(countOf(after.expiries, { date }) - countOf(before.expiries, { date })).toBe(2);
    expect(after.connections.counted_at <= after.generated_at).toBe(true);
  });

  it('names why connections need a person', async () => {
    const { id, userId } = await context.importConnection({ tenant: 'acme' });
    context.sandbox.state.changePassword(userId);
    await api(context).post(`/v1/connections/${id}/check`, {}).expect(200);
    const { status_reason: reason } = await context.connection(id);
    const { needs_person } = await read();
    expect(countOf(needs_person, { status: 'reauth_required', reason: reason?.code })).toBe(1);
  });

  it('shows renewals and inspections by day, those that failed too', async () => {
    const { id } = await context.importConnection({ tenant: 'acme' });
    const today = (overview: OverviewResponse) => ({
      renewals: overview.renewals.at(-1),
      inspections: overview.inspections.at(-1),
    });
    const settle = () => context.replica.app.get(ActivityRecorder, { strict: false }).flush();
    await settle();
    const before = today(await read());
    context.clock.advance(2 * DAY);
    await api(context).post(`/v1/connections/${id}/check`, {}).expect(200);
    context.fault({ kind: 'status', status: 500 });
    await api(context).post(`/v1/connections/${id}/refresh`, {});
    await settle();
    const after = today(await read());
    expect(after.inspections?.succeeded).toBe(1);
    expect((after.renewals?.succeeded ?? 0) + (after.renewals?.failed ?? 0)).toBe(1);
    expect(before.inspections?.date).not.toBe(after.inspections?.date);
  });

  it('tells who sees all of the installation about it', async () => {
    const { apps, subscriptions, audit, keys } = await read();
    expect(apps).toEqual(expect.any(Array));
    expect(subscriptions).toMatchObject({ active: 0, failing: 0, undelivered: 0 });
    expect(audit?.entries).toBeGreaterThan(0);
    expect(keys).toMatchObject({ active_id: expect.stringMatching(/^kek_/), older_in_use: 0 });
  });

  it('shows an auditor of one tenant that tenant, and nothing of the installation', async () => {
    await context.importConnection({ tenant: 'initech' });
    const key = await keyOf('auditor', ['initech']);
    const overview = await read(key);
    expect(overview).toMatchObject({ apps: null, subscriptions: null, audit: null, keys: null });
    expect(overview.connections.total).toBe(1);
    expect(overview.renewals).toHaveLength(7);
    expect(overview.needs_person.every(({ status }) => status === 'active')).toBe(true);
  });

  it('is not for services', async () => {
    await api(context, await keyOf('service', ['acme']))
      .get('/v1/overview')
      .expect(403);
  });

  it('keeps a count for other replicas, and counts again when somebody looks later', async () => {
    const counts = context.replica.app.get(ConnectionCountsService);
    const first = await counts.read(null);
    expect(await counts.read(null)).toEqual(first);
    const another = await context.startAnotherReplica();
    expect(await another.app.get(ConnectionCountsService).read(null)).toEqual(first);
    context.clock.advance(3_600);
    await until(async () => (await counts.read(null)).counted_at > first.counted_at);
  });
});
