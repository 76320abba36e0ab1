import { describe, expect, it } from '@jest/globals';
import type { MetaConfig } from '../../../../src/config/config.ts';
import { MetaApp } from '../../../../src/meta/meta-apps.ts';
import { SecretString } from '../../../../src/platform/secret-string.ts';
import { signedRequest } from '../../../../src/sandbox/state/callback-sender.ts';
import { verifySignedRequest } from '../../../../src/webhooks/privacy-requests/verify-signed-request.ts';
import { readRecorded } from '../../meta/read-recorded.ts';

describe('the apps of a signed_request', () => {
  const app = (id: string, secret: string) => ({ id, secret: new SecretString(secret) });
  const metaApp = (given: Partial<MetaConfig> = {}): MetaApp =>
    new MetaApp({
      app: app('1', 'meta-secret'),
      instagramApp: app('2', 'instagram-secret'),
      threadsApp: app('3', 'threads-secret'),
      previousAppSecret: new SecretString('old-secret'),
      ...given,
    } as MetaConfig);
  const payload = { user_id: '5', algorithm: 'HMAC-SHA256', issued_at: 1624244156 };

  it.each([
    ['meta-secret', ['1'], ['2', '3']],
    ['old-secret', ['1'], ['2', '3']],
    ['instagram-secret', ['2'], []],
    ['threads-secret', ['3'], []],
  ])('tells the app by the secret %s', (secret, appIds, fallbackAppIds) => {
    expect(verifySignedRequest(signedRequest(secret, payload), metaApp())).toMatchObject({
      ok: true,
      request: { userId: '5', issuedAt: new Date(1624244156_000) },
      apps: { appIds, fallbackAppIds },
    });
  });

  it('names each app once', () => {
    const one = app('1', 'meta-secret');
    const verified = verifySignedRequest(
      signedRequest('meta-secret', payload),
      metaApp({ instagramApp: one, threadsApp: one }),
    );
    expect(verified).toMatchObject({ apps: { appIds: ['1'], fallbackAppIds: [] } });
  });

  it('accepts the published vectors and refuses the derived ones', () => {
    const { vectors, derived_negative_cases: wrong } = readRecorded<{
      vectors: { secret: string; signed_request: string }[];
      derived_negative_cases: { secret: string; signed_request: string }[];
    }>('signed_request_vectors.json');
    expect(vectors).toHaveLength(6);
    for (const { secret, signed_request: text } of vectors) {
      expect(verifySignedRequest(text, metaApp({ app: app('1', secret) })).ok).toBe(true);
      expect(verifySignedRequest(text, metaApp()).ok).toBe(false);
    }
    for (const { secret, signed_request: text } of wrong) {
      expect(verifySignedRequest(text, metaApp({ app: app('1', secret ?? 'secret') })).ok).toBe(false);
    }
  });
});
