import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { AwsRootKey } from '../../../../src/vault/root-keys/aws-root-key.ts';
import { RootKeyUnavailableError } from '../../../../src/vault/root-keys/root-key.ts';
import { catchError } from '../../../support/catch-error.ts';
import { AWS_TEST_ENVIRONMENT, type FakeKms, KMS_ARN, startFakeKms } from '../../../support/fake-kms.ts';

const CONTEXT = { service: 'metavault', key_id: 'kek_1', purpose: 'data' };
const KEY = Buffer.alloc(32, 5);

let kms: FakeKms;
const before = { ...process.env };

beforeAll(async () => {
  kms = await startFakeKms();
  Object.assign(process.env, AWS_TEST_ENVIRONMENT);
});
afterEach(() => {
  kms.fault = null;
  Object.assign(process.env, AWS_TEST_ENVIRONMENT);
});
afterAll(async () => {
  for (const name of Object.keys(AWS_TEST_ENVIRONMENT)) {
    delete process.env[name];
    if (before[name] !== undefined) process.env[name] = before[name];
  }
  await kms.close();
});

const open = (timeoutMs?: number, keyId = KMS_ARN) =>
  AwsRootKey.open({ keyId, endpointUrl: kms.url, ...(timeoutMs === undefined ? {} : { timeoutMs }) });

/** The error an operator gets. Fails the test if nothing is refused. */
const refusal = (work: Promise<unknown>) => catchError(RootKeyUnavailableError, work);

describe('a root key in AWS KMS', () => {
  it('unwraps what it wrapped, with signed calls that carry the context', async () => {
    const rootKey = await open();
    kms.calls.length = 0;
    const wrapped = await rootKey.wrap(KEY, CONTEXT);
    expect(wrapped.includes(KEY)).toBe(false);
    expect(Buffer.from(await rootKey.unwrap(wrapped, CONTEXT))).toEqual(KEY);
    expect(kms.calls).toEqual([
      { action: 'Encrypt', context: CONTEXT },
      { action: 'Decrypt', context: CONTEXT },
    ]);
  });

  it('opens nothing under another context', async () => {
    const rootKey = await open();
    const wrapped = await rootKey.wrap(KEY, CONTEXT);
    const { reason } = await refusal(rootKey.unwrap(wrapped, { ...CONTEXT, key_id: 'kek_2' }));
    expect(reason).toBe('unusable');
  });

  it('is identified by the ARN from KMS, even if given by alias', async () => {
    expect((await open()).id).toBe(`aws:${KMS_ARN}`);
    expect((await open(undefined, 'alias/vault')).id).toBe(`aws:${KMS_ARN}`);
  });

  it('calls nobody on opening if given by ARN', async () => {
    kms.calls.length = 0;
    await open();
    expect(kms.calls).toEqual([]);
  });

  it('reports wrong credentials', async () => {
    process.env['AWS_SECRET_ACCESS_KEY'] = 'another-secret';
    const rootKey = await open();
    const { reason, message } = await refusal(rootKey.wrap(KEY, CONTEXT));
    expect([reason, message]).toEqual(['denied', expect.stringContaining('kms:Encrypt')]);
  });

  it.each([
    ['AccessDeniedException', 'denied'],
    ['NotFoundException', 'missing'],
    ['DisabledException', 'unusable'],
    ['KMSInvalidStateException', 'unusable'],
  ])('explains %s without text from KMS', async (type, expected) => {
    const rootKey = await open();
    kms.fault = { status: 400, type };
    const { reason, message } = await refusal(rootKey.wrap(KEY, CONTEXT));
    expect(reason).toBe(expected);
    expect(message).not.toContain('very-private');
  });

  it('times out if KMS is silent', async () => {
    const rootKey = await open(300);
    kms.fault = 'silence';
    const startedAt = performance.now();
    const { reason, message } = await refusal(rootKey.wrap(KEY, CONTEXT));
    expect([reason, message]).toEqual(['timeout', expect.stringContaining('within 0.3 s')]);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  it('reports an unreachable KMS', async () => {
    const rootKey = await AwsRootKey.open({ keyId: KMS_ARN, endpointUrl: 'http://127.0.0.1:1' });
    const { reason, message } = await refusal(rootKey.wrap(KEY, CONTEXT));
    expect([reason, message]).toEqual(['unreachable', expect.stringContaining('AWS_ENDPOINT_URL')]);
  });
});
