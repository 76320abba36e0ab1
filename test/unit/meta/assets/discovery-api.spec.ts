import { SecretString } from '../../../../src/platform/secret-string.ts';
import { type RecordedCase, readRecorded } from '../read-recorded.ts';
import { catchMetaError, graphError, META, scriptedMeta, TOKEN } from '../scripted-meta.ts';

const page = (data: unknown[]) => ({ body: { data, paging: { cursors: { before: 'b', after: 'end' } } } });

it('lists numbers and permissions', async () => {
  const [first] = readRecorded<{ cases: RecordedCase[] }>('whatsapp_phone_number_responses.json').cases;
  const phones = scriptedMeta(page([first?.body]));
  expect(await phones.whatsapp.listPhoneNumbers('77', TOKEN)).toMatchObject([
    { id: '999999999999999', qualityRating: 'GREEN' },
  ]);
  const granted = scriptedMeta({
    body: {
      data: [
        { permission: 'a', status: 'granted' },
        { permission: 'b', status: 'declined' },
        { permission: 'c', status: 'odd' },
      ],
    },
  });
  expect(await granted.discovery.listPermissions(TOKEN)).toEqual({ granted: ['a'], declined: ['b'], expired: [] });
});

it('takes the 190 of client_business_id to mean no business', async () => {
  expect(await scriptedMeta(graphError(190)).discovery.getClientBusinessId(TOKEN)).toBeNull();
  expect(await scriptedMeta({ body: { client_business_id: '5', id: '1' } }).discovery.getClientBusinessId(TOKEN)).toBe(
    '5',
  );
  await catchMetaError(scriptedMeta(graphError(4)).discovery.getClientBusinessId(TOKEN));
});

it('registers a number once, with the PIN in the body', async () => {
  const pin = new SecretString('480216');
  const meta = scriptedMeta({ body: { success: true } });
  await meta.whatsapp.registerPhoneNumber('55', TOKEN, pin);
  expect(meta.sent[0]).toMatchObject({ method: 'POST', path: `graph.test/${META.graphApiVersion}/55/register` });
  expect(meta.sent[0]?.url.search).not.toContain('480216');
  expect(meta.sent[0]?.form.get('pin')).toBe('480216');
  // Meta counts attempts, so nothing is retried automatically, whatever the status.
  for (const step of [graphError(133005), graphError(133000, undefined, 500), graphError(2, undefined, 503)]) {
    const refused = scriptedMeta(step);
    const failure = await catchMetaError(refused.whatsapp.registerPhoneNumber('55', TOKEN, pin));
    expect(refused.sent).toHaveLength(1);
    expect(`${failure.message} ${JSON.stringify(failure)}`).not.toContain('480216');
  }
});

it('subscribes, and reads the subscription back', async () => {
  const meta = scriptedMeta(
    { body: { success: true } },
    { body: { data: [{ whatsapp_business_api_data: { id: '1001', name: 'A' } }] } },
  );
  await meta.whatsapp.subscribeApp('77', TOKEN);
  expect(await meta.whatsapp.listSubscribedApps('77', TOKEN)).toEqual([
    { id: '1001', name: 'A', overrideCallbackUri: null },
  ]);
  expect(meta.sent[0]).toMatchObject({ method: 'POST', path: `graph.test/${META.graphApiVersion}/77/subscribed_apps` });
  await catchMetaError(scriptedMeta({ body: { success: false } }).whatsapp.subscribeApp('77', TOKEN));
});

describe('revocation', () => {
  const user = { kind: 'user' as const, token: TOKEN, metaUserId: '42' };

  it('removes the grant and treats 190/458 as success', async () => {
    const meta = scriptedMeta({ body: { success: true } });
    expect(await meta.revocation.revoke(user)).toBe('confirmed');
    expect(meta.sent[0]).toMatchObject({ method: 'DELETE', path: `graph.test/${META.graphApiVersion}/42/permissions` });
    expect(await scriptedMeta({ body: 'true' }).revocation.revoke(user)).toBe('confirmed');
    expect(await scriptedMeta(graphError(190, 458)).revocation.revoke(user)).toBe('confirmed');
  });

  it("falls back to our app token if the user's token is dead", async () => {
    const meta = scriptedMeta((request) =>
      request.authorization?.includes('|') ? { body: { success: true } } : graphError(190, 460),
    );
    expect(await meta.revocation.revoke(user)).toBe('confirmed');
    expect(
      (await catchMetaError(scriptedMeta(graphError(190, 460)).revocation.revoke({ ...user, metaUserId: null })))
        .verdict.kind,
    ).toBe('dead');
  });

  it('is not confirmed by an outage or a refusal', async () => {
    await catchMetaError(scriptedMeta({ body: { success: false } }).revocation.revoke(user));
    await catchMetaError(scriptedMeta(graphError(2, undefined, 500)).revocation.revoke(user));
  });

  it('of system users keeps secrets out of the URL, and is not supported if Meta refuses', async () => {
    const meta = scriptedMeta({ body: { success: true } });
    expect(await meta.revocation.revoke({ ...user, kind: 'system_user' })).toBe('confirmed');
    expect(meta.sent[0]?.url.href).not.toMatch(/secret|EAAB/);
    expect(await scriptedMeta(graphError(100)).revocation.revoke({ ...user, kind: 'system_user' })).toBe(
      'not_supported',
    );
    expect(await scriptedMeta().revocation.revoke({ ...user, kind: 'instagram_user' })).toBe('not_supported');
  });
});

it('checks the app and lists its subscriptions', async () => {
  const good = scriptedMeta({
    body: { access_token: '1001|x', token_type: 'bearer' },
    headers: { 'facebook-api-version': 'v25.0' },
  });
  expect(await good.app.checkAppCredentials()).toEqual({ ok: true, servedVersion: 'v25.0' });
  expect(good.sent[0]?.url.search).toBe('');
  expect(await scriptedMeta(graphError(1)).app.checkAppCredentials()).toMatchObject({
    ok: false,
    verdict: { what: 'secret' },
  });
  const list = [
    { object: 'user', callback_url: 'https://a.test', active: true, fields: [{ name: 'email', version: 'v25.0' }] },
    { object: 'page', fields: ['feed'] },
  ];
  expect(await scriptedMeta({ body: { data: list } }).app.listSubscriptions()).toEqual([
    { object: 'user', callbackUrl: 'https://a.test', active: true, fields: [{ name: 'email', version: 'v25.0' }] },
    { object: 'page', callbackUrl: null, active: false, fields: [{ name: 'feed', version: null }] },
  ]);
});
