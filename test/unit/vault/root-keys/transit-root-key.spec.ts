import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import {
  HttpClient,
  type HttpRequest,
  HttpRequestError,
  type HttpResponse,
  type StreamedHttpResponse,
} from '../../../../src/platform/http-client/http-client.ts';
import { SecretString } from '../../../../src/platform/secret-string.ts';
import { RootKeyUnavailableError } from '../../../../src/vault/root-keys/root-key.ts';
import { TransitRootKey, type TransitRootKeyOptions } from '../../../../src/vault/root-keys/transit-root-key.ts';
import { catchError } from '../../../support/catch-error.ts';

const CONTEXT = { service: 'metavault', key_id: 'kek_1', purpose: 'data' };
const KEY = Buffer.alloc(32, 5);

/** A Transit engine that binds ciphertexts to their associated data and checks the token. */
class FakeTransit extends HttpClient {
  readonly requests: HttpRequest[] = [];
  token = 'hvs.right';
  fault: HttpRequestError | number | 'not json' | null = null;

  override async send(request: HttpRequest): Promise<HttpResponse> {
    this.requests.push(request);
    if (this.fault instanceof HttpRequestError) throw this.fault;
    if (typeof this.fault === 'number') return response(this.fault, { errors: ['private'] });
    if (this.fault === 'not json') return { status: 200, headers: {}, body: Buffer.from('<html>') };
    if (request.headers?.['x-vault-token'] !== this.token) return response(403, { errors: ['permission denied'] });
    const body = JSON.parse(String(request.body)) as Record<string, string>;
    if (request.url.includes('/encrypt/')) {
      return response(200, { data: { ciphertext: `vault:v1:${body['associated_data']}:${body['plaintext']}` } });
    }
    const [, , bound, plaintext] = (body['ciphertext'] ?? '').split(':');
    if (bound !== body['associated_data']) return response(400, { errors: ['cipher: message authentication failed'] });
    return response(200, { data: { plaintext } });
  }

  override stream(): Promise<StreamedHttpResponse> {
    throw new Error('not asked for');
  }

  override async close(): Promise<void> {}
}

function response(status: number, value: object): HttpResponse {
  return { status, headers: {}, body: Buffer.from(JSON.stringify(value)) };
}

const OPTIONS: TransitRootKeyOptions = {
  address: 'https://vault.example:8200',
  mount: 'transit',
  keyName: 'metavault',
  namespace: null,
  token: new SecretString('hvs.right'),
};

function rootKey(options: Partial<TransitRootKeyOptions> = {}): { key: TransitRootKey; http: FakeTransit } {
  const http = new FakeTransit();
  return { key: new TransitRootKey({ ...OPTIONS, ...options }, http), http };
}

const refusal = (work: Promise<unknown>) => catchError(RootKeyUnavailableError, work);

describe('a root key in Vault Transit', () => {
  it('unwraps what it wrapped, bound to the context', async () => {
    const { key, http } = rootKey();
    const wrapped = await key.wrap(KEY, CONTEXT);
    expect(Buffer.from(await key.unwrap(wrapped, { ...CONTEXT }))).toEqual(KEY);
    expect(http.requests.map(({ url }) => url)).toEqual([
      'https://vault.example:8200/v1/transit/encrypt/metavault',
      'https://vault.example:8200/v1/transit/decrypt/metavault',
    ]);
    expect((await refusal(key.unwrap(wrapped, { ...CONTEXT, key_id: 'kek_2' }))).reason).toBe('unusable');
  });

  it('is identified by namespace, engine and key', () => {
    expect(rootKey().key.id).toBe('transit:transit/metavault');
    expect(rootKey({ namespace: 'team', mount: 'kms' }).key.id).toBe('transit:team/kms/metavault');
  });

  it("reads an agent's token file for each call", async () => {
    const directory = mkdtempSync(path.join(os.tmpdir(), 'transit-'));
    const file = path.join(directory, 'token');
    try {
      writeFileSync(file, 'hvs.old\n');
      const { key } = rootKey({ token: { file } });
      expect((await refusal(key.wrap(KEY, CONTEXT))).reason).toBe('denied');
      writeFileSync(file, 'hvs.right\n');
      await expect(key.wrap(KEY, CONTEXT)).resolves.toBeInstanceOf(Buffer);
      rmSync(file);
      expect((await refusal(key.wrap(KEY, CONTEXT))).message).toContain('VAULT_TOKEN_FILE');
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it.each([
    [403, 'denied', 'VAULT_TRANSIT_KEY'],
    [404, 'missing', 'VAULT_TRANSIT_MOUNT'],
    [503, 'unreachable', 'sealed'],
    [500, 'unreachable', '500'],
    ['not json', 'unusable', 'VAULT_ADDR'],
    [new HttpRequestError('timeout', true), 'timeout', 'within 10 s'],
    [new HttpRequestError('connect', false), 'unreachable', 'VAULT_ADDR'],
  ] as const)('explains %s', async (fault, reason, text) => {
    const { key, http } = rootKey();
    http.fault = fault;
    const reported = await refusal(key.wrap(KEY, CONTEXT));
    expect([reported.reason, reported.message]).toEqual([reason, expect.stringContaining(text)]);
    expect(reported.message).not.toContain('private');
  });
});
