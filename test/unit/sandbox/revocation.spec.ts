import { createHmac } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Sandbox } from '../../../src/sandbox/sandbox.ts';
import { hubSignature, signedRequest } from '../../../src/sandbox/state/callback-sender.ts';
import { at, bearer, call, form, json, start, startedAt, textAt } from './sandbox-harness.ts';

const page = '200000000000201';
let sandbox: Sandbox;
let graph: string;
let listener: Server;
let hookUrl: string;
const received: { method: string; url: string; headers: Record<string, unknown>; body: string }[] = [];
beforeAll(async () => {
  sandbox = await start();
  graph = `${sandbox.url}/graph.facebook.com/v26.0`;
  listener = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    received.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body });
    const query = new URL(request.url ?? '', 'http://x').searchParams;
    response.end(query.get('hub.verify_token') === 'good' ? query.get('hub.challenge') : '');
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  hookUrl = `http://127.0.0.1:${(listener.address() as AddressInfo).port}/hook`;
});
afterAll(async () => {
  await sandbox.close();
  listener.close();
});

const createUser = () => {
  const user = sandbox.state.make.user({ pageIds: [page] });
  return {
    id: user.id,
    token: sandbox.state.make.token({ userId: user.id }).accessToken,
    pageToken: sandbox.state.make.token({ userId: user.id, pageId: page }).accessToken,
  };
};
const subcodeOf = async (token: string) => at(await call(`${graph}/me`, bearer(token)), 'error.error_subcode');

describe('how tokens die (docs/meta-facts.md#page-tokens, docs/meta-facts.md#code-190)', () => {
  it.each([0, 458, 460, 464, 467, 490, 492, 493])('subcode %i, by the control', async (subcode) => {
    const { id, token } = createUser();
    sandbox.state.invalidateUser(id, subcode);
    const reply = await call(`${graph}/me`, bearer(token));
    expect([reply.status, at(reply, 'error.code'), at(reply, 'error.error_subcode')]).toEqual([400, 190, subcode]);
    expect(reply.headers.get('www-authenticate')).toBe(
      `OAuth "Facebook Platform" "invalid_token" "${textAt(reply, 'error.message')}"`,
    );
  });

  it('takes page tokens along with a password change; new tokens work', async () => {
    const { id, token, pageToken } = createUser();
    sandbox.state.changePassword(id);
    expect(await subcodeOf(token)).toBe(460);
    expect(await subcodeOf(pageToken)).toBe(460);
    expect(await subcodeOf(sandbox.state.make.token({ userId: id }).accessToken)).toBeUndefined();
    expect(await subcodeOf(token)).toBe(460);
  });

  it('lifts a checkpoint again', async () => {
    const { id, token } = createUser();
    sandbox.state.setCheckpoint(id, 459);
    expect(await subcodeOf(token)).toBe(459);
    sandbox.state.setCheckpoint(id, null);
    expect(await subcodeOf(token)).toBeUndefined();
  });

  it('ends a page token with the role (492), and leaves the user token', async () => {
    const { id, token, pageToken } = createUser();
    sandbox.state.removePageRole(id, page);
    expect(await subcodeOf(pageToken)).toBe(492);
    expect(await subcodeOf(token)).toBeUndefined();
  });

  it('derives a new page token after the old one was invalidated', async () => {
    const { token } = createUser();
    const derive = async () =>
      textAt(await call(`${graph}/${page}?fields=access_token`, bearer(token)), 'access_token');
    const old = await derive();
    expect(await derive()).toBe(old);
    sandbox.state.invalidateToken(old, 467);
    expect(await subcodeOf(old)).toBe(467);
    const fresh = await derive();
    expect(fresh).not.toBe(old);
    expect(await subcodeOf(fresh)).toBeUndefined();
  });

  it('ends with the data access (493) and with its own age (463)', async () => {
    const { id, token } = createUser();
    sandbox.state.setDataAccess(id, startedAt - 1);
    expect(await subcodeOf(token)).toBe(493);
    const other = createUser();
    sandbox.state.expireToken(other.token);
    expect(await subcodeOf(other.token)).toBe(463);
  });
});

describe('permissions (docs/meta-facts.md#revocation)', () => {
  it('lists granted and declined ones, and takes one away', async () => {
    const { token } = createUser();
    const removed = await call(`${graph}/me/permissions/email`, bearer(token, { method: 'DELETE' }));
    expect(removed.json).toEqual({ success: true });
    const list = at(await call(`${graph}/me/permissions`, bearer(token)), 'data') as {
      permission: string;
      status: string;
    }[];
    expect(list).toContainEqual({ permission: 'email', status: 'declined' });
    expect(list).toContainEqual({ permission: 'pages_show_list', status: 'granted' });
  });

  it('removes the whole grant with an app token, by POST and method=delete; the second time is 190/458', async () => {
    const { id, token, pageToken } = createUser();
    const remove = () =>
      call(
        `${graph}/${id}/permissions?method=delete`,
        bearer(`${sandbox.app.id}|${sandbox.app.secret}`, { method: 'POST' }),
      );
    expect((await remove()).json).toEqual({ success: true });
    expect(await subcodeOf(token)).toBe(458);
    expect(await subcodeOf(pageToken)).toBe(458);
    expect(at(await remove(), 'error.error_subcode')).toBe(458);
  });

  it('sends the signed deauthorize callback where one is registered', async () => {
    const { id, token } = createUser();
    sandbox.state.patchApp(undefined, { deauthorizeUrl: `${hookUrl}/deauthorize` });
    await call(`${graph}/me/permissions`, bearer(token, { method: 'DELETE' }));
    await sandbox.state.callbacks.waitForPending();
    sandbox.state.patchApp(undefined, { deauthorizeUrl: null });
    const [signature, payload] = (new URLSearchParams(received.at(-1)?.body).get('signed_request') ?? '').split('.');
    expect(
      createHmac('sha256', sandbox.app.secret)
        .update(payload ?? '')
        .digest('base64url'),
    ).toBe(signature);
    expect(JSON.parse(Buffer.from(payload ?? '', 'base64url').toString())).toEqual({
      user_id: id,
      algorithm: 'HMAC-SHA256',
      issued_at: startedAt / 1000,
    });
  });
});

describe('what Meta sends (docs/meta-facts.md#webhooks-of-meta, docs/meta-facts.md#signed-requests)', () => {
  it('signs as in the published vectors', () => {
    expect(signedRequest('secret', { algorithm: 'HMAC-SHA256', 0: 'payload' }).split('.')[0]).toMatch(/^[\w-]{43}$/);
    expect(hubSignature('key', 'value', 'sha1')).toBe('sha1=57443a4c052350a44638835d64fd66822f813319');
    expect(hubSignature('Jefe', 'what do ya want for nothing?')).toBe(
      'sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    );
  });

  it('posts webhooks with escaped text, signed over the bytes as sent', async () => {
    const result = await sandbox.state.sendWebhook({
      url: hookUrl,
      object: 'page',
      entry: [{ id: '1', time: 1, text: 'ä/ö' }],
    });
    expect(result.status).toBe(200);
    const got = received.at(-1);
    expect(got?.body).toBe('{"object":"page","entry":[{"id":"1","time":1,"text":"\\u00e4\\/\\u00f6"}]}');
    expect(got?.headers['x-hub-signature-256']).toBe(hubSignature(sandbox.app.secret, got?.body ?? ''));
  });

  it('subscribes an app only after the handshake', async () => {
    const url = `${graph}/${sandbox.app.id}/subscriptions`;
    const subscribe = (verify: string) =>
      call(
        url,
        bearer(
          `${sandbox.app.id}|${sandbox.app.secret}`,
          form({ object: 'permissions', callback_url: hookUrl, fields: 'connected', verify_token: verify }),
        ),
      );
    const refused = await subscribe('bad');
    expect([refused.status, at(refused, 'error.code')]).toEqual([400, 2200]);
    expect((await subscribe('good')).json).toEqual({ success: true });
    const list = await call(url, bearer(`${sandbox.app.id}|${sandbox.app.secret}`));
    expect(list.json).toEqual({
      data: [
        {
          object: 'permissions',
          callback_url: hookUrl,
          active: true,
          fields: [{ name: 'connected', version: 'v26.0' }],
        },
      ],
    });
    expect(at(await call(url, bearer(createUser().token)), 'error.code')).toBeDefined();
    await call(url, bearer(`${sandbox.app.id}|${sandbox.app.secret}`, { method: 'DELETE' }));
    expect(at(await call(url, bearer(`${sandbox.app.id}|${sandbox.app.secret}`)), 'data')).toEqual([]);
  });
});

describe('WhatsApp (docs/meta-facts.md#embedded-signup, docs/meta-facts.md#whatsapp-error-statuses)', () => {
  const waba = '310000000000402';
  const phone = '320000000000403';
  const token = () => sandbox.state.make.token({ userId: '100000000000101' }).accessToken;

  it('wants the plain subscription before an override, and reads back what it kept', async () => {
    const post = (body: unknown) => call(`${graph}/${waba}/subscribed_apps`, bearer(token(), json(body)));
    const early = await post({ override_callback_uri: hookUrl, verify_token: 'good' });
    expect(textAt(early, 'error.message')).toContain('Before override the current callback uri');
    expect((await post({})).json).toEqual({ success: true });
    expect(at(await post({ override_callback_uri: hookUrl, verify_token: 'bad' }), 'error.code')).toBe(2200);
    expect(at(await post({ override_callback_uri: hookUrl, verify_token: 'good' }), 'success')).toBe(true);
    const list = await call(`${graph}/${waba}/subscribed_apps`, bearer(token()));
    expect(at(list, 'data.0')).toMatchObject({
      override_callback_uri: hookUrl,
      whatsapp_business_api_data: { id: sandbox.app.id },
    });
    await call(`${graph}/${waba}/subscribed_apps`, bearer(token(), { method: 'DELETE' }));
    expect(at(await call(`${graph}/${waba}/subscribed_apps`, bearer(token())), 'data')).toEqual([]);
  });

  it('registers with a pin, checks it afterwards, and sends as recorded', async () => {
    const post = (edge: string, body: unknown) => call(`${graph}/${phone}/${edge}`, bearer(token(), json(body)));
    const message = { messaging_product: 'whatsapp', to: '+16505551234', text: { body: 'hi' } };
    expect(at(await post('messages', message), 'error.code')).toBe(133010);
    expect((await post('register', { messaging_product: 'whatsapp', pin: '12' })).status).toBe(400);
    expect((await post('register', { messaging_product: 'whatsapp', pin: '123456' })).json).toEqual({ success: true });
    expect(at(await post('register', { messaging_product: 'whatsapp', pin: '654321' }), 'error.code')).toBe(133005);
    expect((await post('messages', message)).json).toEqual({
      messaging_product: 'whatsapp',
      contacts: [{ input: '+16505551234', wa_id: '16505551234' }],
      messages: [{ id: expect.stringMatching(/^wamid\./) }],
    });
  });

  it('answers 401 without subcode to a dead token on its nodes', async () => {
    const { id, token: dead } = createUser();
    sandbox.state.changePassword(id);
    const reply = await call(`${graph}/${waba}`, bearer(dead));
    expect([reply.status, at(reply, 'error.code'), at(reply, 'error.error_subcode')]).toEqual([401, 190, undefined]);
  });

  it('takes media in, and gives the same bytes out at the lookaside address', async () => {
    const body = new FormData();
    body.set('messaging_product', 'whatsapp');
    body.set(
      'file',
      new Blob([Buffer.from('\r\n--not the boundary\r\n\0\xff', 'latin1')], { type: 'image/png' }),
      'a.png',
    );
    const id = textAt(await call(`${graph}/${phone}/media`, bearer(token(), { method: 'POST', body })), 'id');
    const info = await call(`${graph}/${id}`, bearer(token()));
    expect(info.json).toMatchObject({ mime_type: 'image/png', file_size: 24, id, messaging_product: 'whatsapp' });
    const download = await fetch(textAt(info, 'url'), bearer(token()));
    expect(Buffer.from(await download.arrayBuffer()).toString('latin1')).toBe('\r\n--not the boundary\r\n\0\xff');
    expect((await fetch(textAt(info, 'url'))).status).toBe(400);
  });
});
