import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MultipartReader } from '../../../src/sandbox/http/multipart-reader.ts';
import type { Sandbox } from '../../../src/sandbox/sandbox.ts';
import { at, bearer, call, json, start, textAt } from './sandbox-harness.ts';

let sandbox: Sandbox;
let token: string;
beforeAll(async () => {
  sandbox = await start();
  token = sandbox.state.make.token({ userId: '100000000000101' }).accessToken;
});
afterAll(() => sandbox.close());
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

describe('multipart bodies', () => {
  const file = Buffer.concat([randomBytes(300), Buffer.from('\r\n--bou'), randomBytes(300), Buffer.from('\r\n-')]);
  const body = Buffer.concat([
    Buffer.from('--bound\r\nContent-Disposition: form-data; name="access_token"\r\n\r\nabc\r\n'),
    Buffer.from(
      '--bound\r\nContent-Disposition: form-data; name="source"; filename="a.bin"\r\nContent-Type: image/png\r\n\r\n',
    ),
    file,
    Buffer.from('\r\n--bound--\r\n'),
  ]);

  it.each([1, 2, 7, 64, 100_000])('are read alike in chunks of %i bytes', (size) => {
    const reader = new MultipartReader('bound');
    for (let index = 0; index < body.length; index += size) reader.write(body.subarray(index, index + size));
    expect(reader.fields).toEqual([['access_token', 'abc']]);
    expect(reader.files).toEqual([
      {
        field: 'source',
        filename: 'a.bin',
        mimeType: 'image/png',
        size: file.length,
        sha256: sha256(file),
        bytes: file,
      },
    ]);
  });
});

describe('uploads', () => {
  const big = randomBytes(3 * 1024 * 1024);

  it('are hashed and let go when large', async () => {
    const page = sandbox.state.make.token({ userId: '100000000000101', pageId: '200000000000201' }).accessToken;
    const body = new FormData();
    body.set('access_token', page);
    body.set('source', new Blob([big]), 'film.mp4');
    const reply = await call(`${sandbox.url}/graph-video.facebook.com/v26.0/200000000000201/videos`, {
      method: 'POST',
      body,
    });
    expect(reply.json).toMatchObject({ size: big.length, sha256: sha256(big) });
    expect(sandbox.state.log.list().at(-1)).toMatchObject({ tokenPlace: 'body', host: 'graph-video.facebook.com' });
  });

  it('go to rupload as raw bytes, with a token in the header', async () => {
    const send = (init: RequestInit) => call(`${sandbox.url}/rupload.facebook.com/ig-api-upload/v26.0/1`, init);
    const raw = { method: 'POST', body: big, headers: { 'Content-Type': 'application/octet-stream' } };
    expect((await send(bearer(token, raw))).json).toMatchObject({ success: true, sha256: sha256(big) });
    expect((await send(raw)).status).toBe(400);
  });

  it('go on where they stopped, and nowhere else', async () => {
    const url = `${sandbox.url}/rupload.facebook.com/ig-api-upload/v26.0/77`;
    const put = (offset: number, size: number) =>
      call(url, {
        method: 'POST',
        body: big.subarray(0, size),
        headers: { Authorization: `OAuth ${token}`, offset: String(offset), file_size: '3000' },
      });
    expect((await put(0, 1_000)).status).toBe(200);
    expect(at(await put(500, 1_000), 'error.error_subcode')).toBe(1363037);
    expect(at(await call(url, bearer(token)), 'file_offset')).toBe(1_000);
    expect((await put(1_000, 2_000)).status).toBe(200);
  });

  it('in phases need all their bytes before they finish', async () => {
    const page = sandbox.state.make.token({ userId: '100000000000101', pageId: '200000000000201' }).accessToken;
    const videos = (body: Record<string, unknown>) =>
      call(
        `${sandbox.url}/graph-video.facebook.com/v26.0/200000000000201/videos`,
        json({ ...body, access_token: page }),
      );
    const begun = await videos({ upload_phase: 'start', file_size: 10 });
    expect(begun.json).toMatchObject({ start_offset: '0', end_offset: '10', video_id: expect.any(String) });
    const session = { upload_session_id: at(begun, 'upload_session_id') };
    expect(at(await videos({ upload_phase: 'finish', ...session }), 'error.code')).toBe(6000);
    expect((await videos({ upload_phase: 'transfer', upload_session_id: 'none' })).status).toBe(400);
  });

  it('of a session need its signature', async () => {
    const url = `${sandbox.url}/graph.facebook.com/v26.0`;
    const made = await call(`${url}/app/uploads?file_length=3`, bearer(token, { method: 'POST' }));
    const id = textAt(made, 'id');
    const raw = (path: string) =>
      call(`${url}/${path}`, bearer(token, { method: 'POST', body: 'abc', headers: { file_offset: '0' } }));
    expect((await raw(id.split('?')[0] ?? '')).status).toBe(400);
    expect((await raw(id)).json).toEqual({ h: expect.any(String) });
  });

  it('can be downloaded at any size', async () => {
    const made = await call(`${sandbox.url}/__sandbox/media`, json({ size: 2_000_000 }));
    const info = await call(`${sandbox.url}/graph.facebook.com/v26.0/${textAt(made, 'id')}`, bearer(token));
    const bytes = Buffer.from(await (await fetch(textAt(info, 'url'), bearer(token))).arrayBuffer());
    expect([bytes.length, sha256(bytes)]).toEqual([2_000_000, at(made, 'sha256')]);
    expect(bytes[252]).toBe(1);
  });
});
