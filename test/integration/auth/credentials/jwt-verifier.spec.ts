import { createHmac } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Post } from '@nestjs/common';
import { exportSPKI, importJWK, type JWTPayload } from 'jose';
import request from 'supertest';
import { SYSTEM } from '../../../../src/audit/actor.ts';
import type { AuthenticatedClient } from '../../../../src/auth/authenticated-client.ts';
import { CurrentClient, Roles, RolesWithCachedClient } from '../../../../src/auth/decorators.ts';
import { ClientsService } from '../../../../src/clients/clients.service.ts';
import { HttpClient, UndiciHttpClient } from '../../../../src/platform/http-client/http-client.ts';
import { type AuthApp, startAuthApp } from '../../../support/auth-app.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { type OpenDatabase, openFreshDatabase } from '../../../support/fresh-database.ts';
import { recomputeMac } from '../../../support/recompute-mac.ts';
import { AUDIENCE, SUBJECT, startTestIssuer, type TestIssuer } from '../../../support/test-issuer.ts';
import { openTestVault } from '../../../support/test-vault.ts';

@Controller('probe')
class Probe {
  @Roles('service')
  @Get('service')
  service(@CurrentClient() { clientId, keyHash, tenants }: AuthenticatedClient): object {
    return { clientId, keyHash, tenants };
  }

  @RolesWithCachedClient('service')
  @Post('hot')
  hot(@CurrentClient() { clientId }: AuthenticatedClient): object {
    return { clientId };
  }
}

let open: OpenDatabase;
let issuer: TestIssuer;
let access: AuthApp;
let clientId: string;
let http: HttpClient;
const clock = new FakeClock();

beforeAll(async () => {
  open = await openFreshDatabase();
});
afterAll(() => open.close());

beforeEach(async () => {
  // A later issuer may get the port, and so the address, of an earlier one.
  await open.database.run({ text: 'DELETE FROM client_identity' });
  issuer = await startTestIssuer();
  http = new UndiciHttpClient();
  const oidc = { issuers: [issuer.url], audiences: [AUDIENCE, 'vault-next'] };
  access = await startAuthApp(open.database, clock, { controllers: [Probe], oidc, http });
  const { client } = await access.app.get(ClientsService).create(SYSTEM, {
    name: 'shop',
    role: 'service',
    tenants: ['acme'],
    products: ['ads'],
    identities: [{ issuer: issuer.url, audience: AUDIENCE, subject: SUBJECT }],
  });
  clientId = client.id;
});
afterEach(async () => {
  await access.app.close();
  await http.close();
  await issuer.close();
});

const get = (token: string) =>
  request(access.app.getHttpServer()).get('/probe/service').set('Authorization', `Bearer ${token}`);
const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

async function reasons(): Promise<string[]> {
  const metric = await access.registry.getSingleMetric('metavault_access_refused_total')?.get();
  return (metric?.values ?? []).map((value) => String(value.labels['reason']));
}

describe('a token of an issuer', () => {
  it('authenticates the client with its issuer, audience and subject', async () => {
    const response = await get(await issuer.sign(clock.now()));
    expect([response.status, response.body]).toEqual([200, { clientId, keyHash: null, tenants: ['acme'] }]);
    expect((await get(await issuer.sign(clock.now(), { aud: AUDIENCE }))).status).toBe(200);
    expect((await get(await issuer.sign(clock.now(), { aud: ['other', AUDIENCE] }))).status).toBe(200);
  });

  it.each(['RS256', 'PS256', 'EdDSA', 'Ed25519', 'ES384'])('may be signed by %s', async (alg) => {
    await issuer.rotate(alg);
    expect((await get(await issuer.sign(clock.now()))).status).toBe(200);
  });

  it('is limited by role and address like a key', async () => {
    const token = await issuer.sign(clock.now());
    const closed = await request(access.app.getHttpServer()).get('/v1/clients').set('Authorization', `Bearer ${token}`);
    expect([closed.status, closed.body.code]).toEqual([403, 'forbidden']);
    await open.database.run({
      text: `UPDATE client SET ip_allow_list = '{203.0.113.0/24}' WHERE id = $1`,
      values: [clientId],
    });
    // Only this service may change the row: its MAC no longer fits.
    expect((await get(token)).status).toBe(401);
    await recomputeMac(open.database, (await openTestVault(open.database, clock)).ring, clock);
    expect((await get(token)).body.code).toBe('address_not_allowed');
  });

  it('stops working at once when its client is deleted or loses the identity', async () => {
    const token = await issuer.sign(clock.now());
    expect((await get(token)).status).toBe(200);
    await access.app.get(ClientsService).delete(SYSTEM, clientId);
    expect((await get(token)).status).toBe(401);
  });

  it('is cached for the hottest route, until it expires', async () => {
    const exp = Math.floor(clock.now().getTime() / 1000) + 3;
    const token = await issuer.sign(clock.now(), { exp });
    const post = () => request(access.app.getHttpServer()).post('/probe/hot').set('Authorization', `Bearer ${token}`);
    expect((await post()).status).toBe(201);
    await open.database.run({ text: 'DELETE FROM client_identity WHERE client_id = $1', values: [clientId] });
    expect((await post()).status).toBe(201);
    clock.advance(3);
    expect((await post()).status).toBe(401);
  });
});

describe('401', () => {
  const now = () => Math.floor(clock.now().getTime() / 1000);

  it.each<[string, Record<string, string | undefined>]>([
    ['another subject', { sub: 'system:serviceaccount:shop:other' }],
    ['a subject in another case', { sub: SUBJECT.toUpperCase() }],
    ['no subject', { sub: undefined }],
    ['a subject with control characters', { sub: 'a\u0000b' }],
    ['an audience of ours that the client does not have', { aud: 'vault-next' }],
    ['an audience that is not ours', { aud: 'other' }],
    ['no audience', { aud: undefined }],
    ['an issuer that is not configured', { iss: 'https://issuer.example' }],
    ['the issuer with a trailing slash', { iss: 'SLASH' }],
    ['no issuer', { iss: undefined }],
    ['no expiry', { exp: undefined }],
  ])('for %s', async (_, changes) => {
    const claims = changes['iss'] === 'SLASH' ? { iss: `${issuer.url}/` } : changes;
    const response = await get(await issuer.sign(clock.now(), claims as JWTPayload));
    expect([response.status, response.body.code]).toEqual([401, 'unauthenticated']);
    expect(response.headers['www-authenticate']).toBe('Bearer');
  });

  it('before nbf and after exp, with a tolerance of 30 seconds', async () => {
    expect((await get(await issuer.sign(clock.now(), { exp: now() - 29 }))).status).toBe(200);
    expect((await get(await issuer.sign(clock.now(), { exp: now() - 31 }))).status).toBe(401);
    expect((await get(await issuer.sign(clock.now(), { nbf: now() + 29 }))).status).toBe(200);
    expect((await get(await issuer.sign(clock.now(), { nbf: now() + 31 }))).status).toBe(401);
    expect((await get(await issuer.sign(clock.now(), { iat: now() + 31 }))).status).toBe(401);
    expect(await reasons()).toContain('expired_token');
  });

  it('for a token that the issuer did not sign', async () => {
    issuer.keys.length = 0;
    await issuer.rotate('RS256');
    const good = await issuer.sign(clock.now());
    const [head = '', body = '', signature = ''] = good.split('.');
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as object;
    const [key] = issuer.keys;
    const pem = await exportSPKI((await importJWK(key ?? {}, 'RS256', { extractable: true })) as never);
    const hmacHead = part({ alg: 'HS256', kid: key?.kid });
    const hmac = createHmac('sha256', pem).update(`${hmacHead}.${body}`).digest('base64url');
    const other = await startTestIssuer();
    try {
      const forged = [
        `${part({ alg: 'none' })}.${body}.`,
        `${part({ alg: 'none', kid: key?.kid })}.${body}.${signature}`,
        `${hmacHead}.${body}.${hmac}`,
        `${head}.${part({ ...claims, sub: 'admin' })}.${signature}`,
        `${head}.${body}.`,
        `${head}.${body}.${signature.slice(0, -8)}AAAAAAAA`,
        `${part({ alg: 'RS256', kid: key?.kid, crit: ['x'], x: 1 })}.${body}.${signature}`,
        await other.sign(clock.now(), { iss: issuer.url }),
        await issuer.sign(clock.now(), {}, { typ: 'logout+jwt' }),
        await issuer.sign(clock.now(), { padding: 'x'.repeat(8192) }),
        `eyJ${'A'.repeat(50)}.e30.AAAA`,
      ];
      for (const [index, token] of forged.entries()) {
        const { status } = await get(token);
        // From the eleventh attempt on, the response is 429.
        expect([index, status]).toEqual([index, index < 10 ? 401 : 429]);
      }
      expect((await get(good)).status).toBe(200);
    } finally {
      await other.close();
    }
  });

  it('is recorded with issuer and subject if verified, and never with the token', async () => {
    const token = await issuer.sign(clock.now(), { sub: 'system:serviceaccount:shop:unknown' });
    expect((await get(token)).status).toBe(401);
    expect((await get(token)).status).toBe(401);
    const rows = await open.database.rows<{ details: object }>({
      text: `SELECT details FROM audit_entry WHERE details ->> 'issuer' = $1`,
      values: [issuer.url],
    });
    expect(rows).toEqual([
      {
        details: {
          issuer: issuer.url,
          subject: 'system:serviceaccount:shop:unknown',
          address: '127.0.0.1',
          reason: 'unknown_identity',
        },
      },
    ]);
    expect(access.log.text()).not.toContain(token.split('.')[1]);
  });
});

describe('the keys of an issuer', () => {
  it('are fetched once, and again for a new key', async () => {
    const tokens = await Promise.all(Array.from({ length: 5 }, () => issuer.sign(clock.now())));
    expect((await Promise.all(tokens.map(get))).map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(issuer.reads).toBe(1);
    clock.advance(60);
    await issuer.rotate();
    expect((await get(await issuer.sign(clock.now()))).status).toBe(200);
    expect(issuer.reads).toBe(2);
    expect((await get(tokens[0] ?? '')).status).toBe(200);
  });

  it('that were withdrawn stop working after the next fetch', async () => {
    const old = await issuer.sign(clock.now());
    expect((await get(old)).status).toBe(200);
    issuer.keys.length = 0;
    await issuer.rotate('EdDSA');
    clock.advance(60);
    expect((await get(await issuer.sign(clock.now()))).status).toBe(200);
    expect((await get(old)).status).toBe(401);
  });

  it('are not fetched again for each token with an unknown key', async () => {
    expect((await get(await issuer.sign(clock.now()))).status).toBe(200);
    for (let count = 0; count < 5; count++) {
      expect((await get(await issuer.sign(clock.now(), {}, { kid: `invented-${count}` }))).status).toBe(401);
    }
    expect(issuer.reads).toBe(1);
  });

  it('are used for an hour while the issuer is down, then 503', async () => {
    expect((await get(await issuer.sign(clock.now()))).status).toBe(200);
    issuer.responses.set('/keys', { status: 500, body: 'no' });
    clock.advance(59 * 60);
    expect((await get(await issuer.sign(clock.now()))).status).toBe(200);
    clock.advance(61);
    const late = await get(await issuer.sign(clock.now()));
    expect([late.status, late.body.code, late.headers['retry-after']]).toEqual([503, 'identity_unavailable', '5']);
    issuer.responses.clear();
    clock.advance(6);
    expect((await get(await issuer.sign(clock.now()))).status).toBe(200);
  });

  it('cannot be fetched: 503 for a new key, while known ones keep working', async () => {
    const good = await issuer.sign(clock.now());
    expect((await get(good)).status).toBe(200);
    clock.advance(60);
    await issuer.rotate();
    issuer.responses.set('/keys', { status: 503, body: '' });
    expect((await get(await issuer.sign(clock.now()))).status).toBe(503);
    expect((await get(good)).status).toBe(200);
  });

  it.each<[string, Record<string, { status: number; body: string } | null>]>([
    ['hangs', { '/.well-known/openid-configuration': null }],
    [
      'names another issuer',
      { '/.well-known/openid-configuration': { status: 200, body: '{"issuer":"https://else.example"}' } },
    ],
    ['sends no JSON', { '/.well-known/openid-configuration': { status: 200, body: '<html>' } }],
    ['redirects', { '/keys': { status: 302, body: '' } }],
    ['has no key set', { '/keys': { status: 200, body: '{"keys":7}' } }],
    [
      'has too many keys',
      { '/keys': { status: 200, body: JSON.stringify({ keys: Array.from({ length: 101 }, () => ({ kty: 'RSA' })) }) } },
    ],
    [
      'sends a huge response',
      { '/keys': { status: 200, body: JSON.stringify({ keys: [], padding: 'x'.repeat(300 * 1024) }) } },
    ],
  ])('are unavailable if the issuer %s: 503', async (_, responses) => {
    issuer.responses = new Map(Object.entries(responses));
    const response = await get(await issuer.sign(clock.now()));
    expect([response.status, response.body.code]).toEqual([503, 'identity_unavailable']);
  });
});

describe('without issuers', () => {
  it('a token is an invalid key like any other', async () => {
    const plain = await startAuthApp(open.database, clock, { controllers: [Probe] });
    try {
      const token = await issuer.sign(clock.now());
      const sent = request(plain.app.getHttpServer()).get('/probe/service').set('Authorization', `Bearer ${token}`);
      expect((await sent).status).toBe(401);
      expect(issuer.reads).toBe(0);
    } finally {
      await plain.app.close();
    }
  });
});
