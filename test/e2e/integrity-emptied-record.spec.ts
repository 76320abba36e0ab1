import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { Database } from '../../src/database/database.ts';
import {
  api,
  type ConnectTestContext,
  completeConnect,
  createServiceClient,
  openConnectTestContext,
} from '../support/connect-test-context.ts';

let context: ConnectTestContext;
let serviceKey = '';

beforeEach(async () => {
  context = await openConnectTestContext();
  await completeConnect(context);
  serviceKey = (await createServiceClient(context)).key;
  const admin = api(context);
  await admin.post('/v1/keys/rotate', {}).expect(201);
  const url = 'http://127.0.0.1:9/events';
  await admin.post('/v1/subscriptions', { url, events: ['connection.created'] }).expect(201);
});
afterEach(() => context?.close());

const verify = async () => (await api(context).get('/v1/audit/verify').expect(200)).body;
const lease = () => api(context, serviceKey).post('/v1/leases', { tenant: 'acme', product: 'pages' }).expect(201);
const sql = (text: string) => context.replica.app.get(Database).run({ text });

/** Kinds of objects that no entry names, with their counts. */
async function missing(): Promise<Record<string, number>> {
  const { valid, faults, broken_at: first } = await verify();
  expect(valid).toBe(false);
  expect(first.reason).toBe('record_missing');
  const found = faults as { kind: string; objects: { kind: string; count: number; first: string } }[];
  expect(new Set(found.map(({ kind }) => kind))).toEqual(new Set(['record_missing']));
  return Object.fromEntries(found.map(({ objects }) => [objects.kind, objects.count]));
}

it('every object that only audited actions create has its entry', async () => {
  await lease();
  expect(await verify()).toMatchObject({ valid: true, faults: [] });
});

it('an emptied audit log is invalid, and stays so as it goes on', async () => {
  await lease();
  for (const table of ['audit_entry', 'audit_link', 'audit_head']) await sql(`DELETE FROM ${table}`);
  const all = { clients: 1, connections: 1, keys: 1, leases: 1, subscriptions: 1 };
  expect(await missing()).toEqual(all);
  await lease();
  expect(await missing()).toEqual(all);
});
