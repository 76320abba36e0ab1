import { describe, expect, it } from '@jest/globals';
import { computeAppsecretProof } from '../../../../src/meta/graph/appsecret-proof.ts';
import { SecretString } from '../../../../src/platform/secret-string.ts';
import { APP_SECRET, catchMetaError, graphError, META, scriptedMeta, TOKEN } from '../scripted-meta.ts';

const GENERATION = {
  token: TOKEN,
  systemUserId: '122000000000001',
  scopes: ['business_management', 'whatsapp_business_messaging'],
  expiresIn60Days: false,
};
const FRESH = { body: { access_token: 'EAABfresh' } };

describe('generating a token of a system user', () => {
  it('is one POST with the proof in the form and the token in the header, and a lifetime only if it ends', async () => {
    const { systemUsers, sent } = scriptedMeta(FRESH);
    const granted = await systemUsers.generateToken(GENERATION);
    expect([granted.accessToken.expose(), granted.expiresAt]).toEqual(['EAABfresh', 'unknown']);
    const [request] = sent;
    expect(request?.path).toBe(`graph.test/${META.graphApiVersion}/122000000000001/access_tokens`);
    expect(request?.method).toBe('POST');
    expect(request?.url.search).toBe('');
    expect(request?.authorization).toBe(`Bearer ${TOKEN.expose()}`);
    expect(Object.fromEntries(request?.form ?? [])).toEqual({
      business_app: '1001',
      scope: 'business_management,whatsapp_business_messaging',
      appsecret_proof: computeAppsecretProof(TOKEN, new SecretString(APP_SECRET)),
    });
    await systemUsers.generateToken({ ...GENERATION, expiresIn60Days: true });
    expect(sent[1]?.form.get('set_token_expires_in_60_days')).toBe('true');
  });

  it.each([
    ['a fault of Meta', { status: 503, body: '<html>' }],
    ['a 200 without a token', { body: { success: true } }],
    ['a throttle', graphError(4)],
    ['a policy', graphError(368)],
    ['an unknown code', graphError(987654)],
    ['a suspicion of the token', graphError(190)],
  ])('is not retried after %s', async (_, response) => {
    const { systemUsers, sent } = scriptedMeta(response);
    await catchMetaError(systemUsers.generateToken(GENERATION));
    expect(sent).toHaveLength(1);
  });

  it('tells whether a token may have been generated anyway', async () => {
    const unanswered = await catchMetaError(
      scriptedMeta({ status: 503, body: '' }).systemUsers.generateToken(GENERATION),
    );
    const refused = await catchMetaError(scriptedMeta(graphError(368)).systemUsers.generateToken(GENERATION));
    expect([unanswered.mayHaveCommitted, refused.mayHaveCommitted]).toEqual([true, false]);
  });

  it.each([10, 200, 3962, 100])('installs the app after %d and tries once more', async (code) => {
    const { systemUsers, sent } = scriptedMeta(graphError(code), { body: { success: true } }, FRESH);
    expect((await systemUsers.generateToken(GENERATION)).accessToken.expose()).toBe('EAABfresh');
    expect(sent.map(({ path }) => path.split('/').at(-1))).toEqual(['access_tokens', 'applications', 'access_tokens']);
    expect(sent[1]?.form.get('business_app')).toBe('1001');
  });

  it('throws the first refusal if the installation is refused, and the second if it did not help', async () => {
    const notInstalled = scriptedMeta(graphError(100), graphError(200));
    expect((await catchMetaError(notInstalled.systemUsers.generateToken(GENERATION))).cause.code).toBe(100);
    const noHelp = scriptedMeta(graphError(200), { body: true }, graphError(10));
    expect((await catchMetaError(noHelp.systemUsers.generateToken(GENERATION))).cause.code).toBe(10);
    expect(noHelp.sent).toHaveLength(3);
  });

  it('rejects a malformed id before sending anything', async () => {
    const { systemUsers, sent } = scriptedMeta(FRESH);
    await expect(systemUsers.generateToken({ ...GENERATION, systemUserId: '../me' })).rejects.toThrow();
    expect(sent).toEqual([]);
  });
});

describe('revoking one token of a system user', () => {
  const OLD = new SecretString('EAABold');

  it.each([[{ success: true }], [true], [{}]])('is confirmed by a 200 with %j', async (body) => {
    const { revocation, sent } = scriptedMeta({ body });
    expect(await revocation.revokeToken(OLD, TOKEN)).toBe('confirmed');
    expect(sent[0]?.authorization).toBe(`Bearer ${TOKEN.expose()}`);
    expect(sent[0]?.form.get('revoke_token')).toBe('EAABold');
    expect(sent[0]?.url.search).toBe('');
  });

  it.each([[graphError(190)], [graphError(100)], [graphError(200)], [{ body: { success: false } }]])(
    'is not confirmed by %j',
    async (response) => {
      const error = await catchMetaError(scriptedMeta(response).revocation.revokeToken(OLD, TOKEN));
      expect(error.operation).toBe('revoke_system_user_token');
    },
  );
});
