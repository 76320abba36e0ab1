import fc from 'fast-check';
import { computeAppsecretProof } from '../../../../src/meta/graph/appsecret-proof.ts';
import { parseSignedRequest } from '../../../../src/meta/webhooks/signed-request.ts';
import { readWebhookSignature } from '../../../../src/meta/webhooks/webhook-signature.ts';
import { SecretString } from '../../../../src/platform/secret-string.ts';
import { readRecorded } from '../read-recorded.ts';

const secret = (text: string): SecretString => new SecretString(text);

describe('appsecret_proof', () => {
  const file = readRecorded<{
    vectors: { app_secret: string; access_token: string; appsecret_proof: string }[];
  }>('appsecret_proof_vectors.json');

  it.each(file.vectors)('of $app_secret, $access_token', (vector) => {
    expect(computeAppsecretProof(secret(vector.access_token), secret(vector.app_secret))).toBe(vector.appsecret_proof);
  });
});

describe('signed_request', () => {
  const file = readRecorded<{
    vectors: { secret: string; signed_request: string; payload: Record<string, unknown> | string }[];
    derived_negative_cases: { why: string; secret: string; signed_request: string }[];
  }>('signed_request_vectors.json');

  it.each(file.vectors)('$signed_request', (vector) => {
    const result = parseSignedRequest(vector.signed_request, [secret('other'), secret(vector.secret)]);
    expect(result).toMatchObject({ ok: true, request: { payload: { algorithm: 'HMAC-SHA256' } } });
    expect(parseSignedRequest(vector.signed_request, [secret('other')])).toEqual({ ok: false, reason: 'signature' });
    expect(parseSignedRequest(vector.signed_request, [])).toEqual({ ok: false, reason: 'signature' });
  });

  it.each(file.derived_negative_cases)('rejects: $why', (vector) => {
    expect(parseSignedRequest(vector.signed_request, [secret(vector.secret)]).ok).toBe(false);
  });

  it('reads a numeric user id as text', () => {
    const php = file.vectors[2];
    const result = parseSignedRequest(php?.signed_request ?? '', [secret(php?.secret ?? '')]);
    expect(result.ok && typeof result.request.userId).toBe('string');
    expect(result.ok && result.request.issuedAt).toEqual(new Date(321_000));
  });

  it('never throws', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.tuple(fc.base64String(), fc.base64String()).map((p) => p.join('.')),
        ),
        (text) => {
          expect(parseSignedRequest(text, [secret('s')]).ok).toBe(false);
        },
      ),
    );
  });
});

describe('webhook signature', () => {
  const file = readRecorded<{
    vectors: { key: string; body_utf8: string; algorithm: string; hex: string }[];
    derived: { key: string; body_utf8: string; hex: string }[];
  }>('webhook_signature_vectors.json');
  type Signer = { appId: string; secret: SecretString };
  /** The body comes in two chunks. */
  const findWebhookSigners = (body: Buffer, header: string | string[] | undefined, signers: Signer[]): string[] => {
    const signature = readWebhookSignature(header, signers);
    for (const chunk of [body.subarray(0, 1), body.subarray(1)]) signature?.update(chunk);
    return signature?.signers() ?? [];
  };
  const signer = (text: string) => ({ appId: `app of ${text}`, secret: secret(text) });
  const sha256 = [...file.vectors.filter((vector) => vector.algorithm === 'sha256'), ...file.derived];

  it.each(sha256)('$hex', ({ key, body_utf8, hex }) => {
    const body = Buffer.from(body_utf8);
    expect(findWebhookSigners(body, `sha256=${hex}`, [signer('old'), signer(key)])).toEqual([`app of ${key}`]);
    expect(findWebhookSigners(body, `sha256=${hex}`, [signer('old')])).toEqual([]);
    expect(findWebhookSigners(Buffer.concat([body, Buffer.from(' ')]), `sha256=${hex}`, [signer(key)])).toEqual([]);
  });

  it('depends on the bytes, not the document', () => {
    const [escaped, literal] = file.derived;
    expect(
      findWebhookSigners(Buffer.from(literal?.body_utf8 ?? ''), `sha256=${escaped?.hex}`, [signer('foo_secret')]),
    ).toEqual([]);
  });

  it('names every app whose secret matches, once each', () => {
    const [vector] = sha256;
    const shared = [signer('other'), signer(vector?.key ?? ''), { ...signer(vector?.key ?? ''), appId: 'twin' }];
    const header = `sha256=${vector?.hex}`;
    expect(findWebhookSigners(Buffer.from(vector?.body_utf8 ?? ''), header, [...shared, ...shared])).toEqual([
      `app of ${vector?.key}`,
      'twin',
    ]);
  });

  it('rejects sha1 and repeated headers, and never throws', () => {
    const sha1 = file.vectors.find((vector) => vector.algorithm === 'sha1');
    const body = Buffer.from(sha1?.body_utf8 ?? '');
    expect(findWebhookSigners(body, `sha1=${sha1?.hex}`, [signer('key')])).toEqual([]);
    expect(findWebhookSigners(body, undefined, [signer('key')])).toEqual([]);
    expect(findWebhookSigners(body, [`sha256=${sha256[0]?.hex}`], [signer('key')])).toEqual([]);
    fc.assert(
      fc.property(fc.string(), fc.uint8Array(), (header, bytes) => {
        expect(findWebhookSigners(Buffer.from(bytes), `sha256=${header}`, [signer('s')])).toEqual([]);
      }),
    );
  });
});
