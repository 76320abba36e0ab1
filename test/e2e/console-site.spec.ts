import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { ConsoleSite } from '../../src/console/console-site.ts';
import { ConsoleBrowser, callWithKey, readEntries } from '../support/console-test-context.ts';
import { type LifecycleTestContext, openLifecycleTestContext } from '../support/lifecycle-test-context.ts';
import { TEST_ADMIN_KEY } from '../support/test-replica.ts';

const SCRIPT = `export const text = '${'a'.repeat(2_000)}';\n`;
const INDEX =
  '<!doctype html><meta name="csp-nonce" content="{{nonce}}"><script src="/console/assets/index-1.js"></script>';

let context: LifecycleTestContext;
let folder: string;

beforeAll(async () => {
  context = await openLifecycleTestContext();
  folder = mkdtempSync(path.join(tmpdir(), 'metavault-site-'));
  mkdirSync(path.join(folder, 'assets'));
  writeFileSync(path.join(folder, 'index.html'), INDEX);
  writeFileSync(path.join(folder, 'favicon.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>');
  writeFileSync(path.join(folder, 'assets', 'index-1.js'), SCRIPT);
  context.replica.app.get(ConsoleSite).load(folder);
});
afterAll(async () => {
  await context?.close();
  if (folder !== undefined) rmSync(folder, { recursive: true });
});

const get = (address: string) => request(context.replica.app.getHttpServer()).get(address);

describe('the page of the console', () => {
  it.each(['/console', '/console/', '/console/connections', '/console/connections/con_1?tab=leases', '/console/a/b/c'])(
    'is served at %s, with a nonce of its own, in no frame and to no cache',
    async (address) => {
      const [one, two] = [await get(address), await get(address)];
      expect([one.status, one.headers['content-type'], one.headers['cache-control']]).toEqual([
        200,
        'text/html; charset=utf-8',
        'no-store',
      ]);
      const nonce = /content="([A-Za-z0-9+/]{22}==)"/.exec(one.text)?.[1] ?? 'none';
      expect(two.text).not.toContain(nonce);
      expect(one.headers['content-security-policy']).toBe(
        `default-src 'none'; script-src 'self'; style-src 'self' 'nonce-${nonce}'; img-src 'self' data:; font-src 'self'; ` +
          "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
      );
      expect(one.headers).toMatchObject({
        'x-frame-options': 'DENY',
        'cross-origin-opener-policy': 'same-origin',
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
      });
    },
  );

  it('has files that never change, compressed for who takes that', async () => {
    const plain = await get('/console/assets/index-1.js').set('Accept-Encoding', 'identity');
    expect([plain.text, plain.headers['content-encoding']]).toEqual([SCRIPT, undefined]);
    expect(plain.headers).toMatchObject({
      'content-type': 'text/javascript; charset=utf-8',
      'cache-control': 'public, max-age=31536000, immutable',
      vary: expect.stringContaining('Accept-Encoding'),
    });
    const response = await get('/console/assets/index-1.js')
      .set('Accept-Encoding', 'gzip')
      .buffer(true)
      .parse((raw, done) => {
        const chunks: Buffer[] = [];
        raw.on('data', (chunk: Buffer) => chunks.push(chunk));
        raw.on('end', () => done(null, Buffer.concat(chunks)));
      });
    expect(response.headers['content-encoding']).toBe('gzip');
    const body = response.body as Buffer;
    expect(body[0] === 0x1f ? gunzipSync(body).toString() : body.toString()).toBe(SCRIPT);
    expect((await get('/console/favicon.svg')).headers['cache-control']).toBe('no-cache');
  });

  it.each(['/console/assets/index-2.js', '/console/assets/../index.html', '/console/assets/%2e%2e/index.html'])(
    'has no file %s',
    async (address) => {
      const response = await get(address);
      expect(response.text).not.toContain('{{nonce}}');
      expect([200, 404]).toContain(response.status);
      if (response.status === 200) expect(response.headers['content-type']).toContain('text/html');
    },
  );

  it('says in words that it is not built', async () => {
    const site = context.replica.app.get(ConsoleSite);
    site.load(path.join(folder, 'missing'));
    expect((await get('/console')).body).toMatchObject({ status: 404, code: 'console_not_built' });
    site.load(folder);
  });

  it('is where the start page leads', async () => {
    expect((await get('/').set('Accept', 'text/html')).text).toContain('href="./console"');
    expect((await get('/').set('Accept', 'application/json')).body.console).toBe('/console');
  });
});

describe('looking at a connection in the console', () => {
  it('is recorded, once for a page that stays open', async () => {
    const { id: connectionId } = await context.importConnection();
    const browser = new ConsoleBrowser(context.replica);
    await browser.signIn({ key: TEST_ADMIN_KEY });
    for (const part of ['', '/credentials', '/assets'])
      expect((await browser.send('get', `/v1/connections/${connectionId}${part}`)).status).toBe(200);
    const entries = await readEntries(context.database, 'connection.viewed');
    expect(entries).toEqual([
      expect.objectContaining({
        actor_kind: 'person',
        connection_id: connectionId,
        details: { person: expect.anything() },
      }),
    ]);
    context.clock.advance(301);
    await browser.send('get', `/v1/connections/${connectionId}`);
    expect(await readEntries(context.database, 'connection.viewed')).toHaveLength(2);
    expect((await browser.send('get', '/v1/connections')).status).toBe(200);
    await callWithKey(context.replica, 'get', `/v1/connections/${connectionId}`);
    expect(await readEntries(context.database, 'connection.viewed')).toHaveLength(2);
  });

  it('is not recorded where there is nothing to see', async () => {
    const { id: connectionId } = await context.importConnection();
    const made = await callWithKey(context.replica, 'post', '/v1/clients', {
      name: 'support',
      role: 'auditor',
      tenants: ['another-tenant'],
    });
    const browser = new ConsoleBrowser(context.replica);
    await browser.signIn({ key: made.body.api_key as string });
    expect((await browser.send('get', `/v1/connections/${connectionId}`)).status).toBe(404);
    const entries = await readEntries(context.database, 'connection.viewed');
    expect(entries.filter(({ connection_id: id }) => id === connectionId)).toEqual([]);
  });
});
