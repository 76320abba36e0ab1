import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { DoctorResponse } from '../../../src/operations/doctor/doctor.dto.ts';
import { CHECKS } from '../../../src/operations/doctor/finding.ts';
import type { SettingsResponse } from '../../../src/operations/settings/settings.dto.ts';
import { api, type ConnectTestContext, openConnectTestContext } from '../../support/connect-test-context.ts';
import { TEST_ADMIN_KEY, TEST_ENVIRONMENT } from '../../support/test-replica.ts';

const OPERATIONS_TOKEN = 'operations-token-of-a-test-0123456789';
let context: ConnectTestContext;

beforeAll(async () => {
  context = await openConnectTestContext({ environment: { OPERATIONS_TOKEN } });
});
afterAll(() => context?.close());

async function serviceKey(role: string): Promise<string> {
  const body = { name: role, role, tenants: ['*'], products: ['*'] };
  return ((await api(context).post('/v1/clients', body).expect(201)).body as { api_key: string }).api_key;
}

it('shows settings, and secrets only as fingerprints that other installations do not share', async () => {
  const response = await api(context).get('/v1/settings').expect(200);
  const settings = response.body as SettingsResponse;
  const find = (name: string) => settings.settings.find((setting) => setting.name === name);
  expect(find('PUBLIC_URL')).toMatchObject({ value: 'http://localhost:3000', fingerprint: null });
  expect(find('REFRESH_CRON')).toMatchObject({ value: 'off' });
  expect(find('META_APP_SECRET')).toMatchObject({ value: null, fingerprint: expect.stringMatching(/^[0-9a-f]{12}$/) });
  expect(find('META_APP_SECRET_PREVIOUS')).toMatchObject({ value: null, fingerprint: null });
  expect(settings.meta_version.version).toMatch(/^v\d+\.\d$/);
  for (const secret of [OPERATIONS_TOKEN, TEST_ADMIN_KEY, TEST_ENVIRONMENT['ROOT_KEY'] ?? 'none', 'postgres://'])
    expect(response.text).not.toContain(secret);
  const other = await openConnectTestContext({ environment: { OPERATIONS_TOKEN } });
  try {
    const theirs = (await api(other).get('/v1/settings').expect(200)).body as SettingsResponse;
    const fingerprint = theirs.settings.find(({ name }) => name === 'OPERATIONS_TOKEN')?.fingerprint;
    expect(fingerprint).toMatch(/^[0-9a-f]{12}$/);
    expect(fingerprint).not.toBe(find('OPERATIONS_TOKEN')?.fingerprint);
  } finally {
    await other.close();
  }
});

it('runs the checks of the doctor, most urgent first, and again only on request', async () => {
  const first = (await api(context).get('/v1/doctor').expect(200)).body as DoctorResponse;
  const checks = first.findings.map(({ check }) => check);
  // Nothing answers here without a database.
  expect(CHECKS.filter((check) => !checks.includes(check))).toEqual(['database']);
  const urgency = first.findings.map(({ state }) => ['wrong', 'attention', 'ok'].indexOf(state));
  expect(urgency).toEqual([...urgency].sort());
  context.clock.advance(60);
  expect((await api(context).get('/v1/doctor').expect(200)).body).toEqual(first);
  const fresh = (await api(context).get('/v1/doctor?fresh=true').expect(200)).body as DoctorResponse;
  expect(fresh.examined_at > first.examined_at).toBe(true);
});

it.each(['service', 'auditor'])('are not for a client that is %s', async (role) => {
  const key = await serviceKey(role);
  await api(context, key).get('/v1/settings').expect(403);
  await api(context, key).get('/v1/doctor').expect(403);
});

it('tells whether a client may make a call, and needs an existing client and a path', async () => {
  const body = { name: 'shop', role: 'service', tenants: ['acme'], products: ['pages'], allow: ['GET /*/feed'] };
  const { id } = (await api(context).post('/v1/clients', body).expect(201)).body as { id: string };
  const path = `/v1/clients/${id}/policy-test`;
  const allowed = await api(context).post(path, { method: 'GET', path: '/123/feed' }).expect(200);
  expect(allowed.body).toMatchObject({ allowed: true, results: [{ product: 'pages', pattern: 'GET /*/feed' }] });
  const refused = await api(context).post(path, { method: 'POST', path: '/123/feed', tenant: 'globex' }).expect(200);
  expect(refused.body).toMatchObject({ allowed: false, results: [{ rule: 'tenants' }] });
  await api(context).post(path, { method: 'GET', path: 'feed' }).expect(400);
  await api(context).post('/v1/clients/cli_none/policy-test', { method: 'GET', path: '/1' }).expect(404);
  await api(context, await serviceKey('auditor'))
    .post(path, { method: 'GET', path: '/1' })
    .expect(403);
});
