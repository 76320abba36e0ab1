import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { UnconfirmedEndings } from '../../src/database/standby/unconfirmed-endings.ts';
import {
  api,
  type ConnectTestContext,
  completeConnect,
  connectionAt,
  createServiceClient,
  openConnectTestContext,
} from '../support/connect-test-context.ts';
import { connectTenants, type FailoverLoad, findLostWrites, startLoad } from '../support/failover-load.ts';
import { openResources } from '../support/open-resources.ts';
import { type PostgresPair, startPostgresPair } from '../support/postgres-pair.ts';
import type { TestReplica } from '../support/test-replica.ts';
import { until } from '../support/until.ts';

const MINUTE_MS = 60_000;

let pair: PostgresPair;
let context: ConnectTestContext;
let opened: { close(): Promise<void> } | undefined;

beforeEach(async () => {
  opened = await openResources(async (closeLater) => {
    pair = closeLater(await startPostgresPair());
    context = closeLater(await openConnectTestContext({ databaseUrl: pair.url }));
    return {};
  });
}, MINUTE_MS);
afterEach(() => opened?.close());

async function failOver(): Promise<void> {
  await pair.killPrimary();
  await pair.promote();
  pair.switchOver();
}

const review = (replica: TestReplica = context.replica): Promise<void> =>
  replica.app.get(UnconfirmedEndings).job.runOnce();

/**
 * Expects nothing but success and 503 `database_unavailable`, in the shape of each route. Ending something that is
 * `lost` may return 404.
 */
function expectOnlyUnavailable({ answers }: FailoverLoad, lost: readonly string[] = []): void {
  const others = answers.filter(
    ({ status, code, id }) =>
      status >= 300 && (status !== 503 || code !== 'database_unavailable') && (status !== 404 || !lost.includes(id)),
  );
  expect(others).toEqual([]);
}

async function failOverUnderLoad(): Promise<FailoverLoad> {
  const load = await startLoad(context, await connectTenants(context, 8));
  try {
    await load.served(3);
    await failOver();
    await load.served(3);
  } finally {
    await load.stop();
  }
  return load;
}

it(
  'loses nothing that was answered, with synchronous replication',
  async () => {
    await pair.replicateSynchronously();
    const load = await failOverUnderLoad();
    expectOnlyUnavailable(load);
    expect(await findLostWrites(pair.standbyUrl, load)).toEqual({ made: [], ended: [] });
  },
  2 * MINUTE_MS,
);

it(
  'loses no ending that was answered, with asynchronous replication',
  async () => {
    const load = await failOverUnderLoad();
    await review();
    const { made, ended } = await findLostWrites(pair.standbyUrl, load);
    expectOnlyUnavailable(load, made);
    expect(ended).toEqual([]);
  },
  2 * MINUTE_MS,
);

describe('a standby that lags', () => {
  it(
    'is waited for, is told of in the answer, and gets again what it has not had',
    async () => {
      const [stays = '', revoked = '', undone = ''] = await connectTenants(context, 3);
      const service = await createServiceClient(context);
      const other = await createServiceClient(context);
      const leaseOf = (tenant: string) => api(context, service.key).post('/v1/leases', { tenant, product: 'pages' });
      const lease = (await leaseOf('t0')).body.lease_id as string;
      await review();
      await pair.caughtUp();

      const confirmed = await api(context).delete(`/v1/connections/${revoked}`);
      expect([confirmed.status, confirmed.headers['durability']]).toEqual([200, 'standby']);

      pair.holdUpReplication();
      const ended = await Promise.all([
        api(context).delete(`/v1/connections/${undone}`),
        api(context).delete(`/v1/clients/${other.id}`),
        api(context, service.key).delete(`/v1/leases/${lease}`),
      ]);
      expect(ended.map(({ status, headers }) => [status, headers['durability']])).toEqual([
        [200, 'primary'],
        [204, 'primary'],
        [204, 'primary'],
      ]);
      expect(context.log.text()).toContain('no standby confirms commits that must survive a failover');
      expect((await api(context).post('/v1/keys/rotate', {})).status).toBe(201);

      await failOver();
      await until(
        () => leaseOf('t2'),
        ({ status }) => status === 201,
      );
      await until(
        async () => {
          await review();
          return (await leaseOf('t2')).status;
        },
        (status) => status === 404,
      );
      const statusOf = async (id: string) => (await api(context).get(`/v1/connections/${id}`)).body.status;
      expect(await Promise.all([stays, revoked, undone].map(statusOf))).toEqual(['active', 'revoked', 'revoked']);
      expect((await api(context).get(`/v1/clients/${other.id}`)).status).toBe(404);
      expect((await api(context, service.key).get(`/v1/leases/${lease}`)).body.status).toBe('ended');
      expect(context.log.text()).toContain('repeated the endings that it may have missed');
    },
    2 * MINUTE_MS,
  );

  it(
    'leaves no token under a key that it has not had',
    async () => {
      await pair.caughtUp();
      pair.holdUpReplication();
      expect((await api(context).post('/v1/keys/rotate', {})).status).toBe(201);
      await failOver();
      await until(
        () => api(context).get('/v1/keys'),
        ({ status }) => status === 200,
      );
      const { id } = (await until(async () =>
        connectionAt(context, await completeConnect(context)).catch(() => null),
      )) ?? { id: '' };
      expect(id).toMatch(/^con_/);
      const another = await context.startAnotherReplica();
      const { key } = await createServiceClient(context);
      const leased = await api({ replica: another }, key).post('/v1/leases', { tenant: 'acme', product: 'pages' });
      expect(leased.status).toBe(201);
    },
    2 * MINUTE_MS,
  );
});
