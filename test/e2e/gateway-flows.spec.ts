import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Product } from '../../src/config/config.ts';
import { type GatewayTestContext, META_TOKEN_FORM, openGatewayTestContext } from '../support/gateway-test-context.ts';
import { until } from '../support/until.ts';

let context: GatewayTestContext;
let ids: { page: string; waba: string; phone: string; adAccount: string; instagram: string };
/** One user's connections, by product: a test that needs another one makes its own. */
const connections = new Map<Product, string>();

beforeAll(async () => {
  context = await openGatewayTestContext();
  const { make } = context.sandbox.state;
  const user = make.user();
  const business = make.business();
  const instagram = make.instagramAccount();
  const waba = make.waba({ businessId: business.id });
  ids = {
    page: make.page({ userIds: [user.id], instagramId: instagram.id }).id,
    waba: waba.id,
    phone: make.phone({ wabaId: waba.id, registered: true }).id,
    adAccount: make.adAccount({ userId: user.id }).id,
    instagram: instagram.id,
  };
  make.patchUser(user.id, { businessIds: [business.id] });
  for (const product of ['pages', 'whatsapp', 'ads'] as const) {
    connections.set(product, (await context.importToken(product, { userId: user.id })).connectionId);
  }
});
afterAll(() => context.close());
beforeEach(() => context.sandbox.state.log.clear());
interface Response {
  status: number;
  headers: Headers;
  text: string;
  json: Record<string, unknown>;
}

/** A product's own HTTP client at our gateway, without any SDK. */
async function client(product: Product, body: Record<string, unknown> = {}) {
  const { access_token } = await context.lease(product, { connection_id: connections.get(product), ...body });
  return async (path: string, init: RequestInit & { scheme?: string } = {}): Promise<Response> => {
    const url = path.startsWith('http') ? path : `${context.url}${path}`;
    expect(url.startsWith(context.url)).toBe(true);
    const headers = new Headers(init.headers);
    if (!url.includes('access_token=')) headers.set('Authorization', `${init.scheme ?? 'Bearer'} ${access_token}`);
    const before = context.sandbox.state.log.total;
    const response = await fetch(url, { ...init, headers, redirect: 'manual' });
    const text = Buffer.from(await response.arrayBuffer()).toString('latin1');
    expect(text + JSON.stringify([...response.headers])).not.toMatch(META_TOKEN_FORM);
    // Meta gets its token in the header of every call, with the proof where supported.
    const edge = new URL(url).pathname.split('/').at(-1) ?? '';
    const seen = context.sandbox.state.log
      .list()
      .filter(({ sequence, path }) => sequence > before && path.endsWith(edge));
    expect(seen).toHaveLength(1);
    expect(seen[0]?.tokenPlace).toBe('header');
    expect(seen[0]?.appsecretProof).toBe(/^graph.*\.(?:facebook|instagram)\.com$/.test(seen[0]?.host ?? ''));
    const json = response.headers.get('content-type')?.includes('json') === true ? JSON.parse(text) : {};
    return { status: response.status, headers: response.headers, text, json };
  };
}

const post = (body: Record<string, unknown>): RequestInit => ({
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify(body),
});
const form = (fields: Record<string, string>, file?: { name: string; bytes: Buffer; type?: string }): RequestInit => {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.set(name, value);
  if (file !== undefined) body.set(file.name, new Blob([file.bytes], { type: file.type ?? 'image/jpeg' }), 'a.jpg');
  return { method: 'POST', body };
};
const sha256 = (bytes: Buffer | string) =>
  createHash('sha256')
    .update(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
    .digest('hex');

describe('WhatsApp', () => {
  it('sends a message', async () => {
    const call = await client('whatsapp');
    const response = await call(
      `/graph/v26.0/${ids.phone}/messages`,
      post({ messaging_product: 'whatsapp', to: '+1 (555) 555-0101', type: 'text', text: { body: 'Grüße 😀' } }),
    );
    expect(response.json).toMatchObject({ messaging_product: 'whatsapp', contacts: [{ wa_id: '15555550101' }] });
  });

  it('lists templates', async () => {
    const response = await (await client('whatsapp'))(`/graph/v26.0/${ids.waba}/message_templates?limit=10`);
    expect(response.json['data']).toMatchObject([{ name: 'hello_world', status: 'APPROVED' }]);
  });

  it('uploads media and downloads it from the returned address, which is ours', async () => {
    const call = await client('whatsapp');
    const bytes = randomBytes(300_000);
    const fields = { messaging_product: 'whatsapp', type: 'image/jpeg' };
    const made = await call(`/graph/v26.0/${ids.phone}/media`, form(fields, { name: 'file', bytes }));
    expect(made.status).toBe(200);
    const info = await call(`/graph/v26.0/${String(made.json['id'])}`);
    expect(info.json).toMatchObject({ mime_type: 'image/jpeg', sha256: sha256(bytes), file_size: bytes.length });
    const address = String(info.json['url']);
    expect(address).toMatch(new RegExp(`^${context.url}/graph/lookaside\\.fbsbx\\.com/whatsapp_business/attachments/`));
    const download = await call(address);
    expect([download.status, sha256(download.text)]).toEqual([200, sha256(bytes)]);
    expect(download.headers.get('content-type')).toBe('image/jpeg');
    expect(download.headers.get('content-length')).toBe(String(bytes.length));
    expect(context.sandbox.state.log.list().at(-1)).toMatchObject({
      host: 'lookaside.fbsbx.com',
      tokenPlace: 'header',
    });
    const gone = await call(address.replace(/mid=\d+/, 'mid=1'));
    expect(gone.status).toBe(404);
  });

  it('reports a dead token as WhatsApp does: 401', async () => {
    const { make } = context.sandbox.state;
    const business = make.business();
    const waba = make.waba({ businessId: business.id });
    const phone = make.phone({ wabaId: waba.id, registered: true });
    const user = make.user({ kind: 'system_user', businessId: business.id });
    const held = await context.importToken('whatsapp', { userId: user.id });
    const call = await client('whatsapp', { connection_id: held.connectionId });
    context.sandbox.state.invalidateToken(held.accessToken, 460);
    const response = await call(`/graph/v26.0/${phone.id}`);
    expect(response.status).toBe(401);
    expect(response.json['error']).toMatchObject({ code: 190, fbtrace_id: expect.any(String) });
    expect(response.json['error']).not.toHaveProperty('error_data.code');
    // The inspection that this caused is among Meta's calls: over before the next test counts its own.
    await until(async () => (await context.connection(held.connectionId)).status === 'reauth_required');
  });
});

describe('Instagram', () => {
  it('publishes a photo: container, status, publish', async () => {
    const held = await context.metaUser('instagram', 'instagram_user');
    const call = await client('instagram', { connection_id: held.connectionId });
    const made = await call('/graph/v26.0/me/media', post({ image_url: 'https://example.com/a.jpg', caption: 'hi' }));
    const status = await call(`/graph/v26.0/${String(made.json['id'])}?fields=status_code`);
    expect(status.json['status_code']).toBe('FINISHED');
    const published = await call('/graph/v26.0/me/media_publish', post({ creation_id: made.json['id'] }));
    expect(published.json['id']).toEqual(expect.any(String));
    expect(context.sandbox.state.log.list().at(-1)?.host).toBe('graph.instagram.com');
  });

  it('publishes a video uploaded to rupload in chunks', async () => {
    const held = await context.metaUser('instagram', 'instagram_user');
    const call = await client('instagram', { connection_id: held.connectionId });
    const made = await call('/graph/v26.0/me/media', post({ media_type: 'REELS', upload_type: 'resumable' }));
    const uri = String(made.json['uri']);
    expect(uri).toMatch(new RegExp(`^${context.url}/rupload/ig-api-upload/v26.0/${String(made.json['id'])}$`));
    const video = randomBytes(700_000);
    const put = (offset: number, end: number) =>
      call(uri, {
        method: 'POST',
        scheme: 'OAuth',
        headers: { offset: String(offset), file_size: String(video.length) },
        body: video.subarray(offset, end),
      });
    expect((await put(0, 400_000)).json).toMatchObject({ success: true, sha256: sha256(video.subarray(0, 400_000)) });
    expect((await call(uri, { scheme: 'OAuth' })).json).toMatchObject({ file_offset: 400_000 });
    expect((await put(100_000, video.length)).status).toBe(400);
    const early = await call('/graph/v26.0/me/media_publish', post({ creation_id: made.json['id'] }));
    expect(early.json['error']).toMatchObject({ code: 9007, error_subcode: 2207027 });
    expect((await put(400_000, video.length)).status).toBe(200);
    const look = async () => (await call(`/graph/${String(made.json['id'])}?fields=status_code`)).json['status_code'];
    expect([await look(), await look()]).toEqual(['IN_PROGRESS', 'FINISHED']);
    expect((await call('/graph/me/media_publish', post({ creation_id: made.json['id'] }))).status).toBe(200);
  });

  it('publishes with a page token', async () => {
    const call = await client('pages', { asset_id: ids.page });
    const made = await call(`/graph/${ids.instagram}/media`, post({ video_url: 'https://example.com/a.mp4' }));
    const look = async () => (await call(`/graph/${String(made.json['id'])}?fields=status_code`)).json['status_code'];
    expect([await look(), await look()]).toEqual(['IN_PROGRESS', 'FINISHED']);
    expect((await call(`/graph/${ids.instagram}/media_publish`, post({ creation_id: made.json['id'] }))).status).toBe(
      200,
    );
  });
});

describe('Threads', () => {
  it('creates and publishes, always at v1.0', async () => {
    const held = await context.metaUser('threads', 'threads_user');
    const call = await client('threads', { connection_id: held.connectionId });
    const made = await call('/graph/v26.0/me/threads', post({ media_type: 'TEXT', text: 'hello' }));
    expect((await call(`/graph/${String(made.json['id'])}?fields=status`)).json['status']).toBe('FINISHED');
    const published = await call('/graph/me/threads_publish', post({ creation_id: made.json['id'] }));
    expect(published.status).toBe(200);
    const list = await call('/graph/me/threads?limit=1&fields=id');
    const next = String((list.json['paging'] as { next: string }).next);
    expect(next).toMatch(new RegExp(`^${context.url}/graph/v1.0/`));
    expect((await call(next)).status).toBe(200);
    for (const { host, path } of context.sandbox.state.log.list()) {
      expect([host, path]).toEqual(['graph.threads.net', expect.stringMatching(/^\/v1\.0\//)]);
    }
  });
});

describe('Ads', () => {
  it('returns insights, page by page', async () => {
    const call = await client('ads');
    const first = await call(`/graph/${ids.adAccount}/insights?time_increment=1&limit=5&fields=impressions`);
    expect(first.json['data']).toHaveLength(5);
    const second = await call((first.json['paging'] as { next: string }).next);
    expect(second.json['data']).toHaveLength(2);
  });

  it('runs an asynchronous report: run, poll, results with paging', async () => {
    const call = await client('ads');
    const run = await call(`/graph/v26.0/${ids.adAccount}/insights`, post({ level: 'campaign', time_increment: 1 }));
    const id = String(run.json['report_run_id']);
    expect((await call(`/graph/v26.0/${id}/insights`)).status).toBe(400);
    const states: unknown[] = [];
    do states.push((await call(`/graph/v26.0/${id}`)).json['async_status']);
    while (states.at(-1) !== 'Job Completed');
    expect(states).toEqual(['Job Running', 'Job Completed']);
    const days: unknown[] = [];
    let path: string | undefined = `/graph/v26.0/${id}/insights?limit=3`;
    while (path !== undefined) {
      const page: Response = await call(path);
      days.push(...(page.json['data'] as { date_start: string }[]).map((row) => row.date_start));
      path = (page.json['paging'] as { next?: string }).next;
    }
    expect(new Set(days).size).toBe(7);
  });
});

describe('uploads', () => {
  it('of a photo to a Page', async () => {
    const call = await client('pages', { asset_id: ids.page });
    const bytes = randomBytes(2_500_000);
    const response = await call(`/graph/v26.0/${ids.page}/photos`, form({ caption: 'hi' }, { name: 'source', bytes }));
    expect(response.json).toMatchObject({ id: expect.any(String), size: bytes.length, sha256: sha256(bytes) });
  });

  it.each(['/graph-video/v26.0', '/graph/graph-video/v26.0'])('of a video in phases: %s', async (base) => {
    const call = await client('pages', { asset_id: ids.page });
    const video = randomBytes(2_300_000);
    const send = (fields: Record<string, string>, chunk?: Buffer) =>
      call(
        `${base}/${ids.page}/videos`,
        form(fields, chunk === undefined ? undefined : { name: 'video_file_chunk', bytes: chunk, type: 'video/mp4' }),
      );
    let { json } = await send({ upload_phase: 'start', file_size: String(video.length) });
    const session = String(json['upload_session_id']);
    expect(json['video_id']).toEqual(expect.any(String));
    let pieces = 0;
    while (json['start_offset'] !== json['end_offset']) {
      const [from, to] = [Number(json['start_offset']), Number(json['end_offset'])];
      const fields = { upload_phase: 'transfer', upload_session_id: session, start_offset: String(from) };
      json = (await send(fields, video.subarray(from, to))).json;
      pieces++;
    }
    expect(pieces).toBe(3);
    const finish = await send({ upload_phase: 'finish', upload_session_id: session, title: 'film' });
    expect(finish.json).toEqual({ success: true });
    expect(context.sandbox.state.log.list().every(({ host }) => host === 'graph-video.facebook.com')).toBe(true);
  });

  it("with Meta's resumable upload sessions", async () => {
    const call = await client('pages');
    const file = randomBytes(900_000);
    const app = context.sandbox.app.id;
    const query = `file_name=a.png&file_length=${file.length}&file_type=image%2Fpng`;
    const made = await call(`/graph/v26.0/${app}/uploads?${query}`, { method: 'POST' });
    const id = String(made.json['id']);
    expect(id).toMatch(/^upload:.*\?sig=/);
    const send = (from: number, to: number) =>
      call(`/graph/v26.0/${id}`, {
        method: 'POST',
        scheme: 'OAuth',
        // curl --data-binary labels its bytes as a form.
        headers: { file_offset: String(from), 'Content-Type': 'application/x-www-form-urlencoded' },
        body: file.subarray(from, to),
      });
    expect((await send(0, 500_000)).json).toMatchObject({ file_offset: 500_000 });
    expect((await call(`/graph/v26.0/${id}`, { scheme: 'OAuth' })).json).toMatchObject({ file_offset: 500_000 });
    expect((await send(500_000, file.length)).json).toEqual({ h: expect.stringMatching(/^4::/) });
  });
});
