import { afterAll, beforeAll, expect, it } from '@jest/globals';
import request from 'supertest';
import { type GatewayTestContext, openGatewayTestContext } from '../support/gateway-test-context.ts';

let context: GatewayTestContext;

beforeAll(async () => {
  context = await openGatewayTestContext();
});
afterAll(() => context.close());

const addNumber = (connectionId: string, id: string, registration: object | null) =>
  context.database.run({
    text: `INSERT INTO asset (connection_id, type, id, credential_id, details)
      SELECT connection_id, 'phone_number', $2, id, $3::jsonb FROM credential WHERE connection_id = $1 LIMIT 1`,
    values: [connectionId, id, registration === null ? null : JSON.stringify({ registration })],
  });

it('no replica registers a coexistence number of the connection; any other number is for Meta to decide', async () => {
  const { connectionId } = await context.metaUser('whatsapp', 'system_user');
  const other = await context.metaUser('whatsapp', 'system_user');
  const lease = await context.lease('whatsapp', { connection_id: connectionId });
  await addNumber(connectionId, '106540352242922', { status: 'coexistence', at: '2026-11-28T00:00:00Z' });
  await addNumber(connectionId, '106540352242923', { status: 'registered', at: '2026-11-28T00:00:00Z' });
  await addNumber(connectionId, '106540352242924', null);
  await addNumber(other.connectionId, '106540352242925', { status: 'coexistence', at: '2026-11-28T00:00:00Z' });
  const register = (url: string, id: string) =>
    request(url)
      .post(`/graph/${id}/register`)
      .set('Authorization', `Bearer ${lease.access_token}`)
      .send({ messaging_product: 'whatsapp', pin: '123456' });
  const before = context.sandbox.state.log.list().length;
  for (const url of [context.url, context.secondUrl]) {
    const { status, body } = await register(url, '106540352242922');
    expect(status).toBe(403);
    expect(body.error.error_data).toEqual({ code: 'registration_not_allowed' });
  }
  expect(context.sandbox.state.log.list()).toHaveLength(before);
  for (const id of ['106540352242923', '106540352242924', '106540352242925', '106540352242926']) {
    const { body } = await register(context.url, id);
    expect(body.error?.error_data?.code).toBeUndefined();
  }
  expect(context.sandbox.state.log.list()).toHaveLength(before + 4);
});
