import { readFile } from 'node:fs/promises';
import { type HttpClient, HttpRequestError, type HttpResponse } from '../../platform/http-client/http-client.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { encodeFields } from '../aead.ts';
import { KMS_TIMEOUT_MS, RootKey, RootKeyUnavailableError, type WrapContext } from './root-key.ts';

export interface TransitRootKeyOptions {
  /** `https://vault.example:8200` */
  address: string;
  /** Mount path of the Transit engine. */
  mount: string;
  keyName: string;
  namespace: string | null;
  /** The token, or a file that an agent updates and that is read for each call. */
  token: SecretString | { file: string };
  /** Limit for one call. */
  timeoutMs?: number;
}

/**
 * A key in the Transit engine of HashiCorp Vault or OpenBao (aes256-gcm96 or chacha20-poly1305). The context becomes
 * `associated_data`.
 */
export class TransitRootKey extends RootKey {
  override readonly id: string;

  constructor(
    private readonly options: TransitRootKeyOptions,
    private readonly http: HttpClient,
  ) {
    super();
    const { namespace, mount, keyName } = options;
    this.id = `transit:${[...(namespace === null ? [] : [namespace]), mount, keyName].join('/')}`;
  }

  override async wrap(key: Uint8Array, context: WrapContext): Promise<Buffer> {
    const ciphertext = await this.request('encrypt', 'ciphertext', {
      plaintext: Buffer.from(key).toString('base64'),
      associated_data: associatedData(context),
    });
    return Buffer.from(ciphertext, 'utf8');
  }

  override async unwrap(wrapped: Uint8Array, context: WrapContext): Promise<Uint8Array> {
    const plaintext = await this.request('decrypt', 'plaintext', {
      ciphertext: Buffer.from(wrapped).toString('utf8'),
      associated_data: associatedData(context),
    });
    return Buffer.from(plaintext, 'base64');
  }

  private async request(verb: 'encrypt' | 'decrypt', field: string, body: Record<string, string>): Promise<string> {
    const { address, mount, keyName, namespace, timeoutMs = KMS_TIMEOUT_MS } = this.options;
    const headers: Record<string, string> = {
      'content-type': 'application/json',
      'x-vault-request': 'true',
      'x-vault-token': await this.token(),
      ...(namespace === null ? {} : { 'x-vault-namespace': namespace }),
    };
    const url = `${address}/v1/${mount}/${verb}/${encodeURIComponent(keyName)}`;
    const response = await this.http
      .send({ method: 'POST', url, headers, body: JSON.stringify(body), timeoutMs, maxBytes: 65_536 })
      .catch((error: unknown) => {
        throw toUnavailable(error, timeoutMs);
      });
    if (response.status !== 200) throw toRefusalError(response.status, verb);
    return readField(response, field);
  }

  private async token(): Promise<string> {
    const { token } = this.options;
    if (!('file' in token)) return token.expose();
    try {
      return (await readFile(token.file, 'utf8')).trim();
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? 'unknown cause';
      const message = `The file in VAULT_TOKEN_FILE cannot be read (${code}): ${token.file}.`;
      throw new RootKeyUnavailableError('denied', message, { cause: error });
    }
  }
}

function associatedData(context: WrapContext): string {
  const names = Object.keys(context).sort();
  return encodeFields(['metavault root', ...names.flatMap((name) => [name, context[name] ?? ''])]).toString('base64');
}

function readField({ body }: HttpResponse, field: string): string {
  const unusable = new RootKeyUnavailableError(
    'unusable',
    'VAULT_ADDR does not respond like a Transit engine. Correct the setting.',
  );
  let parsed: { data?: Record<string, unknown> | null } | null;
  try {
    parsed = JSON.parse(body.toString('utf8')) as typeof parsed;
  } catch {
    throw unusable;
  }
  const value = parsed?.data?.[field];
  if (typeof value !== 'string') throw unusable;
  return value;
}

function toRefusalError(status: number, verb: 'encrypt' | 'decrypt'): RootKeyUnavailableError {
  if (status === 401 || status === 403) {
    return new RootKeyUnavailableError(
      'denied',
      'Vault Transit rejected the token. It needs update on encrypt and decrypt for VAULT_TRANSIT_KEY.',
    );
  }
  if (status === 404) {
    return new RootKeyUnavailableError(
      'missing',
      'Vault Transit has no such engine or key. Correct VAULT_TRANSIT_MOUNT or VAULT_TRANSIT_KEY.',
    );
  }
  if (status === 400) {
    const what = verb === 'decrypt' ? 'cannot decrypt this key of the ring' : 'cannot use VAULT_TRANSIT_KEY';
    return new RootKeyUnavailableError(
      'unusable',
      `Vault Transit ${what} (400). Check the key's name, type and versions.`,
    );
  }
  const state = status === 503 ? ' It is sealed or in maintenance.' : '';
  return new RootKeyUnavailableError('unreachable', `Vault Transit failed (HTTP ${status}).${state}`);
}

function toUnavailable(error: unknown, timeoutMs: number): RootKeyUnavailableError {
  if (error instanceof HttpRequestError && error.reason === 'timeout') {
    const message = `Vault Transit did not respond within ${timeoutMs / 1000} s. Check the network and VAULT_ADDR.`;
    return new RootKeyUnavailableError('timeout', message, { cause: error });
  }
  const message = 'Vault Transit is unreachable. Check the network and VAULT_ADDR.';
  return new RootKeyUnavailableError('unreachable', message, { cause: error });
}
