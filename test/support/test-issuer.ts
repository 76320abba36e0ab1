import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose';
import { listen } from './http-listener.ts';

/** An OpenID Connect issuer on a port of its own, which a test controls. */
export interface TestIssuer {
  url: string;
  /** The public keys that it publishes; a test may change them. */
  keys: JWK[];
  /** How often its keys were requested. */
  reads: number;
  /** In place of its usual responses, by path; null: hangs. */
  responses: Map<string, { status: number; body: string } | null>;
  /** Makes a key, publishes it, and signs with it from now on. */
  rotate(alg?: string): Promise<JWK>;
  /**
   * A token like a service account's, signed by the newest key; `changes` to claims (undefined omits one) and header.
   */
  sign(now: Date, changes?: JWTPayload, header?: Record<string, unknown>): Promise<string>;
  close(): Promise<void>;
}

export const AUDIENCE = 'metavault';
export const SUBJECT = 'system:serviceaccount:shop:api';

export async function startTestIssuer(): Promise<TestIssuer> {
  let signing: { key: CryptoKey; alg: string; kid: string } | null = null;
  const server = await listen((request, response) => {
    const path = request.url ?? '/';
    if (path === '/keys') issuer.reads++;
    const own = issuer.responses.get(path);
    if (own === null) return;
    const usual: Record<string, unknown> = {
      '/.well-known/openid-configuration': { issuer: issuer.url, jwks_uri: `${issuer.url}/keys` },
      '/keys': { keys: issuer.keys },
    };
    const status = own?.status ?? (usual[path] === undefined ? 404 : 200);
    response
      .writeHead(status, { 'content-type': 'application/json' })
      .end(own?.body ?? JSON.stringify(usual[path] ?? {}));
  });
  const issuer: TestIssuer = {
    url: server.url,
    keys: [],
    reads: 0,
    responses: new Map(),
    rotate: async (alg = 'ES256') => {
      const kid = `key-${issuer.keys.length + 1}-${alg}`;
      const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
      const jwk = { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' };
      issuer.keys.push(jwk);
      signing = { key: privateKey, alg, kid };
      return jwk;
    },
    sign: async (now, changes = {}, header = {}) => {
      if (signing === null) throw new Error('the issuer has no key yet');
      const seconds = Math.floor(now.getTime() / 1000);
      const claims: JWTPayload = {
        iss: issuer.url,
        sub: SUBJECT,
        aud: [AUDIENCE],
        iat: seconds,
        nbf: seconds,
        exp: seconds + 3600,
        jti: 'b0a1',
        'kubernetes.io': { namespace: 'shop', serviceaccount: { name: 'api', uid: 'u' } },
        ...changes,
      };
      const { alg, kid, key } = signing;
      return new SignJWT(JSON.parse(JSON.stringify(claims)) as JWTPayload)
        .setProtectedHeader({ alg, kid, ...header })
        .sign(key);
    },
    close: server.close,
  };
  await issuer.rotate();
  return issuer;
}
