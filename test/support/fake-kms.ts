import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { listen } from './http-listener.ts';

export const KMS_ARN = 'arn:aws:kms:eu-central-1:111122223333:key/11111111-2222-4333-8444-555555555555';
/** A second key of the same account. */
export const KMS_NEXT_ARN = 'arn:aws:kms:eu-central-1:111122223333:key/99999999-2222-4333-8444-555555555555';
const KEYS: Readonly<Record<string, string>> = {
  [KMS_ARN]: KMS_ARN,
  'alias/vault': KMS_ARN,
  [KMS_NEXT_ARN]: KMS_NEXT_ARN,
  'alias/next': KMS_NEXT_ARN,
};
export const AWS_TEST_ENVIRONMENT = {
  AWS_REGION: 'eu-central-1',
  AWS_ACCESS_KEY_ID: 'AKIATESTTESTTESTTEST',
  AWS_SECRET_ACCESS_KEY: 'the-secret-access-key-of-the-tests',
} as const;

export interface FakeKms {
  url: string;
  /** Every accepted call. */
  calls: { action: string; context: Record<string, string> }[];
  /** What happens to the next calls: an error of KMS by name, or no response at all. */
  fault: { status: number; type: string } | 'silence' | null;
  close(): Promise<void>;
}

/**
 * The two AWS KMS operations that we use, over HTTP: checks SigV4 signatures and binds ciphertexts to their context.
 */
export async function startFakeKms(): Promise<FakeKms> {
  const key = randomBytes(32);
  const fakeKms: FakeKms = { url: '', calls: [], fault: null, close: async () => undefined };
  const server = await listen((request, response) => {
    void collect(request).then((body) => respond(fakeKms, key, request, body, response));
  });
  fakeKms.url = server.url;
  fakeKms.close = server.close;
  return fakeKms;
}

interface KmsBody {
  KeyId: string;
  Plaintext?: string;
  CiphertextBlob?: string;
  EncryptionContext?: Record<string, string>;
}

function respond(fakeKms: FakeKms, key: Buffer, request: IncomingMessage, body: Buffer, response: ServerResponse) {
  const { fault } = fakeKms;
  if (fault === 'silence') return;
  const send = (status: number, value: object) =>
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(value));
  if (!isSigned(request, body)) return send(400, { __type: 'InvalidSignatureException' });
  if (fault !== null) return send(fault.status, { __type: fault.type, message: 'arn:aws:iam::1:user/very-private' });
  const action = String(request.headers['x-amz-target']).replace('TrentService.', '');
  const { KeyId, Plaintext, CiphertextBlob, EncryptionContext = {} } = JSON.parse(body.toString()) as KmsBody;
  const arn = KEYS[KeyId];
  if (arn === undefined) return send(400, { __type: 'NotFoundException' });
  fakeKms.calls.push({ action, context: EncryptionContext });
  const aad = Buffer.from(JSON.stringify([arn, Object.entries(EncryptionContext).sort()]));
  if (action === 'Encrypt') {
    const iv = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(aad);
    const box = Buffer.concat([iv, cipher.update(Buffer.from(Plaintext ?? '', 'base64')), cipher.final()]);
    return send(200, { KeyId: arn, CiphertextBlob: Buffer.concat([box, cipher.getAuthTag()]).toString('base64') });
  }
  const box = Buffer.from(CiphertextBlob ?? '', 'base64');
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, box.subarray(0, 12)).setAAD(aad);
    decipher.setAuthTag(box.subarray(-16));
    const plaintext = Buffer.concat([decipher.update(box.subarray(12, -16)), decipher.final()]);
    return send(200, { KeyId: arn, Plaintext: plaintext.toString('base64') });
  } catch {
    return send(400, { __type: 'InvalidCiphertextException' });
  }
}

/** Recomputes Signature Version 4 from the request as received. */
function isSigned(request: IncomingMessage, body: Buffer): boolean {
  const form =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8}\/([^/]+)\/kms\/aws4_request), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/;
  const match = form.exec(request.headers.authorization ?? '');
  if (match === null) return false;
  const [, accessKey, scope = '', region, signed = '', signature] = match;
  if (accessKey !== AWS_TEST_ENVIRONMENT.AWS_ACCESS_KEY_ID || region !== AWS_TEST_ENVIRONMENT.AWS_REGION) return false;
  const headers = signed.split(';').map((name) => `${name}:${String(request.headers[name] ?? '').trim()}\n`);
  const canonical = [request.method, '/', '', headers.join(''), signed, sha256(body)].join('\n');
  const toSign = ['AWS4-HMAC-SHA256', request.headers['x-amz-date'], scope, sha256(canonical)].join('\n');
  const signingKey = scope
    .split('/')
    .reduce<Buffer>((key, part) => hmac(key, part), Buffer.from(`AWS4${AWS_TEST_ENVIRONMENT.AWS_SECRET_ACCESS_KEY}`));
  return hmac(signingKey, toSign).toString('hex') === signature;
}

const sha256 = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');
const hmac = (key: Buffer, data: string): Buffer => createHmac('sha256', key).update(data).digest();

async function collect(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
