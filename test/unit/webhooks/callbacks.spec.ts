import { describe, expect, it } from '@jest/globals';
import type { MetaConfig } from '../../../src/config/config.ts';
import { MetaApp } from '../../../src/meta/meta-apps.ts';
import { SecretString } from '../../../src/platform/secret-string.ts';
import { signedRequest } from '../../../src/sandbox/state/callback-sender.ts';
import { verifySignedRequest } from '../../../src/webhooks/privacy-requests/verify-signed-request.ts';
import { verifyHandshake } from '../../../src/webhooks/verify-handshake.ts';
import { readRecorded } from '../meta/read-recorded.ts';

describe('the handshake', () => {
  const token = new SecretString('meatyhamhock');
  const asked = (query: Record<string, unknown>) =>
    verifyHandshake(
      { 'hub.mode': 'subscribe', 'hub.verify_token': 'meatyhamhock', 'hub.challenge': '1158201444', ...query },
      token,
    );

  it('answers as in the recorded samples', () => {
    const { cases } = readRecorded<{ cases: { request: string; expect: { status: number; body?: string } }[] }>(
      'webhook_verification_samples.json',
    );
    for (const sample of cases) {
      const query = Object.fromEntries(new URL(sample.request.slice(4), 'http://localhost').searchParams);
      const own = new SecretString(
        sample.request.includes('%7C') ? 'myverificationtoken|1f54545d5f722733e17faae15377928f' : 'meatyhamhock',
      );
      expect(verifyHandshake(query, own)).toBe(sample.expect.body ?? null);
    }
  });

  it('refuses a wrong token, a missing one, another mode, and everything where no token is set', () => {
    expect(asked({})).toBe('1158201444');
    expect(asked({ 'hub.verify_token': 'meatyhamhoc' })).toBeNull();
    expect(asked({ 'hub.verify_token': undefined })).toBeNull();
    expect(asked({ 'hub.verify_token': ['meatyhamhock'] })).toBeNull();
    expect(asked({ 'hub.mode': 'unsubscribe' })).toBeNull();
    expect(verifyHandshake({ 'hub.mode': 'subscribe', 'hub.verify_token': '', 'hub.challenge': '1' }, null)).toBeNull();
  });

  it('sends nothing back that a browser could run', () => {
    expect(asked({ 'hub.challenge': '<script>alert(1)</script>' })).toBeNull();
    expect(asked({ 'hub.challenge': '' })).toBeNull();
    expect(asked({ 'hub.challenge': '1'.repeat(257) })).toBeNull();
  });
});

describe('whose signed_request it is', () => {
  const app = (id: string, secret: string) => ({ id, secret: new SecretString(secret) });
  const apps = (given: Partial<MetaConfig> = {}): MetaApp[] => [
    new MetaApp({
      app: app('1', 'meta-secret'),
      instagramApp: app('2', 'instagram-secret'),
      threadsApp: app('3', 'threads-secret'),
      previousAppSecret: new SecretString('old-secret'),
      ...given,
    } as MetaConfig),
  ];
  const payload = { user_id: '5', algorithm: 'HMAC-SHA256', issued_at: 1624244156 };

  it.each([
    ['meta-secret', ['1'], ['2', '3']],
    ['old-secret', ['1'], ['2', '3']],
    ['instagram-secret', ['2'], []],
    ['threads-secret', ['3'], []],
  ])('tells the app by the secret %s', (secret, appIds, fallbackAppIds) => {
    expect(verifySignedRequest(signedRequest(secret, payload), apps())).toMatchObject({
      ok: true,
      request: { userId: '5', issuedAt: new Date(1624244156_000) },
      apps: { appIds, fallbackAppIds },
    });
  });

  it('names an app once that stands for all', () => {
    const one = app('1', 'meta-secret');
    const verified = verifySignedRequest(
      signedRequest('meta-secret', payload),
      apps({ instagramApp: one, threadsApp: one }),
    );
    expect(verified).toMatchObject({ apps: { appIds: ['1'], fallbackAppIds: [] } });
  });

  it('takes the published vectors and refuses the derived ones', () => {
    const { vectors, derived_negative_cases: wrong } = readRecorded<{
      vectors: { secret: string; signed_request: string }[];
      derived_negative_cases: { secret: string; signed_request: string }[];
    }>('signed_request_vectors.json');
    expect(vectors).toHaveLength(6);
    for (const { secret, signed_request: text } of vectors) {
      expect(verifySignedRequest(text, apps({ app: app('1', secret) })).ok).toBe(true);
      expect(verifySignedRequest(text, apps()).ok).toBe(false);
    }
    for (const { secret, signed_request: text } of wrong) {
      expect(verifySignedRequest(text, apps({ app: app('1', secret ?? 'secret') })).ok).toBe(false);
    }
  });
});
