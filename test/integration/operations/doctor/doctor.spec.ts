import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../../../src/config/load-config.ts';
import { checkApps } from '../../../../src/operations/doctor/app-checks.ts';
import { checkConnections } from '../../../../src/operations/doctor/connection-checks.ts';
import type { Finding } from '../../../../src/operations/doctor/finding.ts';
import { runMetaChecks } from '../../../../src/operations/doctor/run-meta-checks.ts';
import { UndiciHttpClient } from '../../../../src/platform/http-client/http-client.ts';
import { SystemRandom } from '../../../../src/platform/random.ts';
import { KeyRing } from '../../../../src/vault/keys/key-ring.ts';
import { api, completeConnect, createSession } from '../../../support/connect-test-context.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { DAY, type LifecycleTestContext, openLifecycleTestContext } from '../../../support/lifecycle-test-context.ts';
import { TEST_ENVIRONMENT } from '../../../support/test-replica.ts';

const VERIFY_TOKEN = 'doctors-verify-token';
let context: LifecycleTestContext;
let publicUrl: string;
const http = new UndiciHttpClient();

beforeAll(async () => {
  context = await openLifecycleTestContext({ META_WEBHOOK_VERIFY_TOKEN: VERIFY_TOKEN });
  await context.replica.app.getHttpAdapter().getInstance().listen({ host: '127.0.0.1', port: 0 });
  const { port } = context.replica.app.getHttpServer().address() as { port: number };
  publicUrl = `http://127.0.0.1:${port}`;
});
beforeEach(() => {
  context.sandbox.state.patchApp(undefined, { subscriptions: {} });
});
afterAll(async () => {
  await http.close();
  await context?.close();
});

const examine = (environment: Record<string, string> = {}, clock: FakeClock = context.clock): Promise<Finding[]> => {
  const config = loadConfig({
    ...TEST_ENVIRONMENT,
    ...context.sandbox.environment(),
    PUBLIC_URL: publicUrl,
    META_WEBHOOK_VERIFY_TOKEN: VERIFY_TOKEN,
    ...environment,
  });
  const keyRing = context.replica.app.get(KeyRing);
  return runMetaChecks({ config, http, clock, random: new SystemRandom(), database: context.database, keyRing });
};
const of = (findings: Finding[], check: Finding['check'], state?: Finding['state']): Finding[] =>
  findings.filter((finding) => finding.check === check && (state === undefined || finding.state === state));

async function subscribe(object: string, callbackUrl = `${publicUrl}/webhooks/meta`): Promise<void> {
  const { app } = context.sandbox;
  const body = new URLSearchParams({
    object,
    callback_url: callbackUrl,
    fields: 'name',
    verify_token: VERIFY_TOKEN,
    access_token: `${app.id}|${app.secret}`,
  });
  const response = await fetch(`${context.sandbox.url}/graph.facebook.com/v26.0/${app.id}/subscriptions`, {
    method: 'POST',
    body,
  });
  expect({ status: response.status, text: await response.text() }).toMatchObject({ status: 200 });
}

describe('metavault doctor, between us and Meta', () => {
  it('says what is missing before anything is set up at Meta, each with what it means and its remedy', async () => {
    const findings = await examine();
    expect(findings.filter(({ state }) => state === 'wrong')).toEqual([]);
    expect(of(findings, 'meta_app').map(({ state }) => state)).toEqual(['ok', 'ok']);
    expect(of(findings, 'meta_clock')).toMatchObject([{ state: 'ok' }]);
    expect(of(findings, 'signup_version')).toMatchObject([
      { state: 'ok', detail: expect.stringMatching(/Embedded Signup v4, .* since 2025-10-08; no known end/) },
    ]);
    expect(of(findings, 'webhook_handshake')).toMatchObject([{ state: 'ok' }]);
    expect(of(findings, 'webhook_subscriptions')).toMatchObject([
      { state: 'attention', detail: expect.stringContaining('permissions') },
    ]);
    expect(of(findings, 'redirect_uri')).toMatchObject([
      { state: 'attention', detail: expect.stringContaining(`${publicUrl}/oauth/meta/callback`) },
    ]);
    for (const { state, mend } of findings) expect(mend === null).toBe(state === 'ok');
  });

  it('is content where all is subscribed here', async () => {
    for (const object of ['permissions', 'page', 'instagram', 'whatsapp_business_account']) await subscribe(object);
    expect(of(await examine(), 'webhook_subscriptions').map(({ state }) => state)).toEqual(['ok']);
    // The same subscriptions, seen from a service with another address.
    const elsewhere = of(await examine({ PUBLIC_URL: 'http://127.0.0.1:9' }), 'webhook_subscriptions', 'attention');
    expect(elsewhere).toHaveLength(5);
    expect(elsewhere[0]?.detail).toContain(publicUrl);
  });

  it.each<[string, Record<string, string>, Finding['check'], RegExp]>([
    ['a wrong secret', { META_APP_SECRET: 'f'.repeat(32) }, 'meta_app', /rejects META_APP_SECRET/],
    ['an unknown app', { META_APP_ID: '1234567890' }, 'meta_app', /rejects app 1234567890/],
    ['a dead version', { META_GRAPH_API_VERSION: 'v18.0' }, 'meta_version', /v18.0 ended on/],
    ['a redirect URI without https', { PUBLIC_URL: 'http://vault.example' }, 'redirect_uri', /not https/],
    ['another verify token', { META_WEBHOOK_VERIFY_TOKEN: 'other' }, 'webhook_handshake', /responds 403/],
  ])('finds %s to be wrong', async (_, environment, check, detail) => {
    const findings = of(await examine(environment), check, 'wrong');
    expect(findings.map((finding) => finding.detail).join('\n')).toMatch(detail);
    expect(JSON.stringify(findings)).not.toContain('f'.repeat(32));
  });

  it.each<[string, Record<string, string>, Finding['check'], RegExp]>([
    ['an id of a wrong form', { META_APP_ID: 'my-app' }, 'meta_app', /META_APP_ID does not look like/],
    ['a secret of a wrong form', { META_APP_SECRET: 'secret' }, 'meta_app', /META_APP_SECRET does not look like/],
    ['no verify token', { META_WEBHOOK_VERIFY_TOKEN: '' }, 'webhook_handshake', /is not set/],
    ['nobody at PUBLIC_URL', { PUBLIC_URL: 'http://127.0.0.1:9' }, 'webhook_handshake', /does not respond/],
    ['a Meta out of reach', { META_GRAPH_URL: 'http://127.0.0.1:9' }, 'meta_app', /Could not ask Meta/],
  ])('points at %s', async (_, environment, check, detail) => {
    const findings = of(await examine(environment), check, 'attention');
    expect(findings.map((finding) => finding.detail).join('\n')).toMatch(detail);
  });

  it('says which logins lack their settings, and which connections nobody looks after for it', async () => {
    expect(of(await examine(), 'login_configuration')).toMatchObject([{ state: 'ok' }]);
    const { id } = await context.importConnection({ kind: 'threads_user', tenant: 'threads' });
    const bare = { THREADS_APP_ID: '', THREADS_APP_SECRET: '', INSTAGRAM_APP_ID: '', INSTAGRAM_APP_SECRET: '' };
    const findings = of(await examine({ ...bare, META_LOGIN_CONFIG_ID_WHATSAPP: '' }), 'login_configuration');
    expect(findings).toMatchObject([
      { state: 'attention', detail: expect.stringContaining('META_LOGIN_CONFIG_ID_WHATSAPP') },
      { state: 'attention', detail: expect.stringContaining('INSTAGRAM_APP_ID and INSTAGRAM_APP_SECRET') },
      { state: 'attention', detail: expect.stringContaining('THREADS_APP_ID and THREADS_APP_SECRET') },
      { state: 'wrong', detail: expect.stringContaining(id), mend: expect.stringContaining('connect again') },
    ]);
    expect(of(await examine({ THREADS_APP_ID: '99999' }), 'login_configuration', 'wrong')).toMatchObject([
      { state: 'wrong', detail: expect.stringContaining(context.sandbox.app.threadsAppId) },
    ]);
    await api(context).delete(`/v1/connections/${id}`).expect(200);
  });

  it('finds a clock that is off', async () => {
    const fast = new FakeClock(context.clock.now().toISOString());
    fast.advance(3600);
    expect(of(await examine({}, fast), 'meta_clock')).toMatchObject([
      { state: 'wrong', detail: expect.stringMatching(/3600 s ahead/) },
    ]);
  });

  it('points at a version that Meta serves by another, that ends soon, and that has ended', async () => {
    const now = context.clock.now();
    const version = async (at: string, asked: string) => {
      context.clock.set(at);
      const findings = of(await examine({ META_GRAPH_API_VERSION: asked }), 'meta_version');
      context.clock.set(now);
      return findings;
    };
    // Ends by the changelog on 2028-07-29 (docs/meta-facts.md#api-versions).
    expect(await version('2028-04-01T00:00:00Z', 'v25.0')).toMatchObject([{ state: 'ok' }]);
    expect(await version('2028-06-01T00:00:00Z', 'v25.0')).toMatchObject([
      { state: 'attention', detail: expect.stringContaining('ends on 2028-07-29') },
    ]);
    expect(await version('2029-01-01T00:00:00Z', 'v25.0')).toMatchObject([
      { state: 'wrong', detail: expect.stringMatching(/v25.0 ended on .*Meta serves v26.0/) },
    ]);
    const config = loadConfig({ ...TEST_ENVIRONMENT, META_GRAPH_API_VERSION: 'v25.0' });
    const served = { checkAppCredentials: async () => ({ ok: true as const, servedVersion: 'v26.0' }) };
    const drifted = of(await checkApps(config, served, now), 'meta_version');
    expect(drifted).toMatchObject([{ state: 'attention', detail: expect.stringContaining('Meta serves v26.0') }]);
  });

  it('learns from logins that failed: a redirect URI that differs, an app that is not open', async () => {
    expect(of(await examine(), 'logins')).toMatchObject([{ state: 'ok', detail: 'none failed in the last day' }]);
    const refuse = (fault: Parameters<LifecycleTestContext['fault']>[0]) =>
      context.fault(fault, { pathPattern: 'oauth/access_token', method: 'POST' }, 1);
    refuse({ kind: 'graph_error', code: 100, subcode: 36009 });
    await completeConnect(context);
    expect(of(await examine(), 'logins')).toMatchObject([
      { state: 'ok', detail: 'failed in the last day: 1 code_rejected (100/36009)' },
    ]);
    refuse({ kind: 'graph_error', code: 100, subcode: 36008 });
    await completeConnect(context);
    await completeConnect(context, {}, { action: 'error_901' });
    const session = await createSession(context);
    refuse({ kind: 'graph_error', code: 100, subcode: 36008 });
    const body = { code: 'x', redirect_uri: 'https://app.example/other' };
    await api(context).post(`/v1/connect-sessions/${session.id}/complete`, body).expect(422);
    const findings = await examine();
    expect(of(findings, 'redirect_uri', 'wrong')).toMatchObject([
      {
        detail: expect.stringContaining('1 logins'),
        mend: expect.stringContaining(`${publicUrl}/oauth/meta/callback`),
      },
    ]);
    expect(
      of(findings, 'redirect_uri')
        .map(({ detail }) => detail)
        .join(),
    ).toContain('1 codes of clients');
    expect(of(findings, 'logins')).toMatchObject([
      { state: 'attention', detail: expect.stringContaining('1 users away'), mend: expect.stringContaining('live') },
    ]);
    context.clock.advance(2 * DAY);
    expect(of(await examine(), 'logins')).toMatchObject([{ state: 'ok', detail: 'none failed in the last day' }]);
  });

  it('names the connections that need their user', async () => {
    expect(await checkConnections(context.database)).toMatchObject([
      { state: 'ok', detail: '0 live, none needs a user' },
    ]);
    const dead = await context.importConnection({ tenant: 'doctor' });
    const unable = await context.importConnection({ tenant: 'doctor' });
    await context.database.run({
      text: `UPDATE connection SET status = 'reauth_required' WHERE id = $1`,
      values: [dead.id],
    });
    await context.database.run({
      text: `UPDATE connection SET status_reason = NULL, flow = 'facebook_login', scopes = '{email}' WHERE id = $1`,
      values: [unable.id],
    });
    const findings = await checkConnections(context.database);
    expect(findings).toMatchObject([
      { state: 'attention', detail: expect.stringContaining(dead.id) },
      { state: 'attention', detail: expect.stringContaining(unable.id) },
    ]);
    expect(findings[1]?.detail).toContain('scopes');
  });
});
