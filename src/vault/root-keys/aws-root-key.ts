import type { DecryptCommandOutput, EncryptCommandOutput, KMSClient } from '@aws-sdk/client-kms';
import { KMS_TIMEOUT_MS, RootKey, RootKeyUnavailableError, type WrapContext } from './root-key.ts';

interface AwsRootKeyOptions {
  /** A key ARN, key id, alias or alias ARN. */
  keyId: string;
  /** Null: the region's default endpoint. */
  endpointUrl: string | null;
  /** Limit for one call, including retries. */
  timeoutMs?: number;
}

const KEY_ARN = /^arn:aws[a-z-]*:kms:[^:]+:\d+:key\//;
const PROBE: WrapContext = { service: 'metavault', purpose: 'probe' };

/**
 * A symmetric key in AWS KMS. Key material of the ring travels to KMS and back over TLS; the root key never leaves it.
 * The context becomes KMS's encryption context, which CloudTrail shows and key policies can require. Credentials and
 * region come from the standard AWS environment.
 */
export class AwsRootKey extends RootKey {
  private constructor(
    override readonly id: string,
    private readonly kms: Kms,
    private readonly keyId: string,
  ) {
    super();
  }

  /**
   * Asks KMS for the ARN behind an alias or short id, because a name may be reassigned. Throws
   * `RootKeyUnavailableError`.
   */
  static async open(options: AwsRootKeyOptions): Promise<AwsRootKey> {
    const kms = await Kms.connect(options);
    if (KEY_ARN.test(options.keyId)) return new AwsRootKey(`aws:${options.keyId}`, kms, options.keyId);
    const { KeyId: arn } = await kms.encrypt(options.keyId, Buffer.alloc(1), PROBE);
    if (arn === undefined) throw new RootKeyUnavailableError('unusable', 'AWS KMS did not say which key it used.');
    return new AwsRootKey(`aws:${arn}`, kms, arn);
  }

  override async wrap(key: Uint8Array, context: WrapContext): Promise<Buffer> {
    const { CiphertextBlob: wrapped } = await this.kms.encrypt(this.keyId, key, context);
    if (wrapped === undefined) throw new RootKeyUnavailableError('unusable', 'AWS KMS responded without a ciphertext.');
    return Buffer.from(wrapped);
  }

  override async unwrap(wrapped: Uint8Array, context: WrapContext): Promise<Uint8Array> {
    const { Plaintext: key } = await this.kms.decrypt(this.keyId, wrapped, context);
    if (key === undefined) throw new RootKeyUnavailableError('unusable', 'AWS KMS responded without a plaintext.');
    return key;
  }
}

/** The two KMS calls we need. Failures become `RootKeyUnavailableError`. */
class Kms {
  private constructor(
    private readonly client: KMSClient,
    private readonly sdk: typeof import('@aws-sdk/client-kms'),
    private readonly timeoutMs: number,
  ) {}

  /** Imports the SDK on demand: it takes longer to load than everything else, and few installations need it. */
  static async connect({ endpointUrl, timeoutMs = KMS_TIMEOUT_MS }: AwsRootKeyOptions): Promise<Kms> {
    const sdk = await import('@aws-sdk/client-kms');
    const client = new sdk.KMSClient({
      maxAttempts: 3,
      requestHandler: { connectionTimeout: timeoutMs / 2, requestTimeout: timeoutMs },
      ...(endpointUrl === null ? {} : { endpoint: endpointUrl }),
    });
    return new Kms(client, sdk, timeoutMs);
  }

  encrypt(keyId: string, plaintext: Uint8Array, context: WrapContext): Promise<EncryptCommandOutput> {
    const command = new this.sdk.EncryptCommand({
      KeyId: keyId,
      Plaintext: plaintext,
      EncryptionContext: { ...context },
    });
    return this.withTimeout((abortSignal) => this.client.send(command, { abortSignal }));
  }

  decrypt(keyId: string, ciphertext: Uint8Array, context: WrapContext): Promise<DecryptCommandOutput> {
    const command = new this.sdk.DecryptCommand({
      KeyId: keyId,
      CiphertextBlob: ciphertext,
      EncryptionContext: { ...context },
    });
    return this.withTimeout((abortSignal) => this.client.send(command, { abortSignal }));
  }

  private async withTimeout<T>(call: (abortSignal: AbortSignal) => Promise<T>): Promise<T> {
    const deadline = AbortSignal.timeout(this.timeoutMs);
    try {
      return await call(deadline);
    } catch (error) {
      throw toUnavailable(error, deadline.aborted, this.timeoutMs);
    }
  }
}

const DENIED = new Set([
  'AccessDeniedException',
  'UnrecognizedClientException',
  'InvalidSignatureException',
  'ExpiredTokenException',
  'InvalidClientTokenId',
  'MissingAuthenticationTokenException',
  'IncompleteSignature',
]);

function toUnavailable(error: unknown, timedOut: boolean, timeoutMs: number): RootKeyUnavailableError {
  const name = error instanceof Error ? error.name : '';
  const text = error instanceof Error ? error.message : '';
  const unavailable = (reason: RootKeyUnavailableError['reason'], message: string): RootKeyUnavailableError =>
    new RootKeyUnavailableError(reason, message, { cause: error });
  if (timedOut || name === 'TimeoutError') {
    return unavailable(
      'timeout',
      `AWS KMS did not respond within ${timeoutMs / 1000} s. Check the network and AWS_ENDPOINT_URL.`,
    );
  }
  if (name === 'CredentialsProviderError') {
    return unavailable(
      'denied',
      'AWS KMS needs credentials. Assign a role to the process, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.',
    );
  }
  if (/region is missing/i.test(text))
    return unavailable('unusable', 'AWS_REGION is missing. Set it to the region of the KMS key.');
  if (DENIED.has(name)) {
    return unavailable(
      'denied',
      `AWS KMS denied access (${name}). Allow kms:Encrypt and kms:Decrypt on AWS_KMS_KEY_ID for this identity.`,
    );
  }
  if (name === 'NotFoundException') {
    return unavailable('missing', 'AWS KMS has no key AWS_KMS_KEY_ID in this account and region. Correct the setting.');
  }
  if (name === 'DisabledException' || name === 'KMSInvalidStateException' || name === 'InvalidKeyUsageException') {
    return unavailable(
      'unusable',
      `The key AWS_KMS_KEY_ID cannot be used (${name}). Enable it, or cancel its deletion.`,
    );
  }
  if (name === 'InvalidCiphertextException' || name === 'IncorrectKeyException') {
    return unavailable(
      'unusable',
      `AWS KMS cannot decrypt this key of the ring (${name}): it was altered or encrypted under another key.`,
    );
  }
  const code = (error as { code?: unknown }).code;
  const what = typeof code === 'string' ? code : name || 'no response';
  return unavailable(
    'unreachable',
    `AWS KMS is unreachable (${what}). Check the network, AWS_REGION and AWS_ENDPOINT_URL.`,
  );
}
