import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from '../../src/database/data-source-options.ts';
import { Database } from '../../src/database/database.ts';
import { checkReadStandby } from '../../src/operations/doctor/database-checks.ts';
import {
  api,
  type ConnectTestContext,
  createServiceClient,
  openConnectTestContext,
} from '../support/connect-test-context.ts';
import { openResources } from '../support/open-resources.ts';
import { type PostgresPair, startPostgresPair } from '../support/postgres-pair.ts';
import { until } from '../support/until.ts';

let pair: PostgresPair;
let context: ConnectTestContext;
let opened: { close(): Promise<void> } | undefined;
let connectionId: string;
let serviceKey: string;

beforeAll(async () => {
  opened = await openResources(async (closeLater) => {
    pair = closeLater(await startPostgresPair());
    const environment = { DATABASE_URL: pair.url, DATABASE_READ_URL: pair.standbyUrl, DATABASE_READ_WAIT_MS: '1000' };
    context = closeLater(await openConnectTestContext({ environment, databaseUrl: pair.url }));
    return {};
  });
  const user = context.sandbox.state.make.user({ kind: 'user' });
  context.sandbox.state.make.page({ userIds: [user.id] });
  const { accessToken } = context.sandbox.state.make.token({ userId: user.id });
  const body = { tenant: 'acme', product: 'pages', access_token: accessToken };
  connectionId = (await api(context).post('/v1/connections/import', body).expect(201)).body.id as string;
  serviceKey = (await createServiceClient(context)).key;
});
afterAll(() => opened?.close());

/** Reads of this replica so far, by outcome. */
async function reads(): Promise<Record<string, number>> {
  const { text } = await api(context).get('/metrics').expect(200);
  const lines = [...text.matchAll(/^metavault_standby_reads_total\{outcome="(\w+)"\} (\d+)$/gm)];
  return Object.fromEntries(lines.map(([, outcome = '', count]) => [outcome, Number(count)]));
}

/** Waits until the standby answers again: after trouble, reads avoid it for a moment. */
async function standbyAnswers(): Promise<void> {
  const current = (await reads())['current'] ?? 0;
  await until(async () => {
    await api(context).get('/v1/audit').expect(200);
    return ((await reads())['current'] ?? 0) > current;
  });
}

async function atStandby(text: string): Promise<void> {
  const at = await new DataSource(dataSourceOptions(pair.standbyUrl, 1)).initialize();
  await at.query(text);
  await at.destroy();
}

/** Each makes a change, and at once reads a list that must show it. */
const CHANGES: readonly [what: string, changeAndList: (n: number) => Promise<unknown>][] = [
  [
    'connections',
    async (n) => {
      await api(context)
        .patch(`/v1/connections/${connectionId}`, { reference: `order-${n}` })
        .expect(200);
      const { body } = await api(context).get(`/v1/connections?reference=order-${n}`).expect(200);
      expect(body.data).toEqual([expect.objectContaining({ id: connectionId, reference: `order-${n}` })]);
    },
  ],
  [
    'the audit record',
    async (n) => {
      const name = `client ${n}`;
      const made = await api(context).post('/v1/clients', { name, role: 'auditor' }).expect(201);
      const { body } = await api(context).get(`/v1/audit?client_id=${made.body.id}&action=client.created`).expect(200);
      expect(body.data).toHaveLength(1);
    },
  ],
  [
    'leases',
    async () => {
      const of = { tenant: 'acme', product: 'pages' };
      const lease = await api(context, serviceKey).post('/v1/leases', of).expect(201);
      const { body } = await api(context).get(`/v1/leases?connection_id=${connectionId}`).expect(200);
      expect(body.data[0].lease_id).toBe(lease.body.lease_id);
    },
  ],
];

describe.each(CHANGES)('%s', (_, changeAndList) => {
  it('show what was just changed, read from the standby', async () => {
    await standbyAnswers();
    const before = await reads();
    for (let n = 0; n < 5; n++) await changeAndList(n);
    const after = await reads();
    expect(after['current'] ?? 0).toBeGreaterThan(before['current'] ?? 0);
  });

  it('show it as well while the standby lags, read from the primary', async () => {
    await standbyAnswers();
    const before = await reads();
    await atStandby('SELECT pg_wal_replay_pause()');
    try {
      await changeAndList(7);
      expect((await reads())['behind'] ?? 0).toBeGreaterThan(before['behind'] ?? 0);
      expect(await checkReadStandby(context.replica.app.get(Database).reads)).toMatchObject({ state: 'attention' });
    } finally {
      await atStandby('SELECT pg_wal_replay_resume()');
    }
    await until(
      () => checkReadStandby(context.replica.app.get(Database).reads),
      ({ state }) => state === 'ok',
    );
  });
});

it('the overview counts what is on the standby', async () => {
  const { body } = await api(context).get('/v1/overview').expect(200);
  expect(body.connections.total).toBe(1);
});
