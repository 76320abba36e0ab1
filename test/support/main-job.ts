import { expect } from '@jest/globals';
import request from 'supertest';
import { RetentionService } from '../../src/database/retention.service.ts';
import { DAY_SECONDS } from '../../src/platform/duration.ts';
import { api, type ConnectTestContext, completeConnect, createServiceClient } from './connect-test-context.ts';

/**
 * The main work of a vault, once: connects, imports, leases, calls Graph, sweeps, rotates keys, revokes, purges, and
 * verifies the record. Fails the test where any of it fails.
 */
export async function doMainJob(testContext: ConnectTestContext): Promise<void> {
  await completeConnect(testContext);
  const { make } = testContext.sandbox.state;
  const user = make.user();
  make.page({ userIds: [user.id] });
  const { accessToken: imported } = make.token({ userId: user.id });
  const post = async (status: number, path: string, body: object, key?: string) => {
    const response = await api(testContext, key).post(path, body);
    expect([path, response.status, response.body.code]).toEqual([path, status, undefined]);
    return response.body;
  };
  await post(201, '/v1/connections/import', { tenant: 'other', product: 'pages', access_token: imported });
  const { key } = await createServiceClient(testContext, { lease_modes: ['token', 'gateway'] });
  const lease = (mode: string) => post(201, '/v1/leases', { tenant: 'acme', product: 'pages', mode }, key);
  await lease('token');
  const { access_token: token } = await lease('gateway');
  const server = testContext.replica.app.getHttpServer();
  expect((await request(server).get('/graph/me').set('Authorization', `Bearer ${token}`)).status).toBe(200);
  await post(201, '/v1/keys/rotate', {});
  await post(202, '/v1/keys/rewrap', {});
  await post(200, '/v1/maintenance/refresh-sweep', {});
  await post(200, '/v1/maintenance/health-sweep', {});
  const { data } = (await api(testContext).get('/v1/connections')).body;
  expect((await api(testContext).delete(`/v1/connections/${data[0].id}`)).status).toBe(200);
  testContext.clock.advance(40 * DAY_SECONDS);
  await testContext.replica.app.get(RetentionService, { strict: false }).run(() => false);
  expect(testContext.log.text()).toContain('removed rows past their retention');
  expect((await api(testContext).get('/v1/audit/verify')).body).toMatchObject({ valid: true });
  expect((await api(testContext).get('/health/ready')).body).toMatchObject({ status: 'ok' });
  // A linking turn that finds the lock taken just after the clock has jumped reports a standstill of 40 days.
  const errors = testContext.log.lines.filter(({ level }) => level === 'error' || level === 50);
  expect(errors.filter(({ reason }) => reason !== 'locked')).toEqual([]);
}
