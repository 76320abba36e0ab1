import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Sandbox } from '../../../src/sandbox/sandbox.ts';
import { appsecretProof } from '../../../src/sandbox/tokens/graph-caller.ts';
import { at, bearer, call, form, json, start } from './sandbox-harness.ts';

interface ItemResponse {
  code: number;
  headers?: { name: string; value: string }[];
  body: string;
}

let sandbox: Sandbox;
let token: string;
beforeAll(async () => {
  sandbox = await start();
  token = sandbox.state.make.token({ userId: '100000000000101' }).accessToken;
});
afterAll(() => sandbox.close());

const send = (items: unknown, path = '/v26.0/', more: Record<string, string> = {}) =>
  call(
    `${sandbox.url}/graph.facebook.com${path}`,
    form({ access_token: token, batch: JSON.stringify(items), ...more }),
  );
const me = { method: 'GET', relative_url: 'me?fields=id' };

describe('batch (docs/meta-facts.md#batches)', () => {
  it('has per item the headers of the recording, in their order', async () => {
    const file = new URL('../../support/recorded/batch_responses.json', import.meta.url);
    const recorded = (JSON.parse(readFileSync(file, 'utf8')) as { cases: { body: ItemResponse[] }[] }).cases;
    const reply = await send([me, { method: 'GET', relative_url: '2' }]);
    const [good, bad] = reply.json as ItemResponse[];
    const names = (item: ItemResponse | undefined) => item?.headers?.map((header) => header.name);
    expect(names(good)).toEqual(names(recorded[0]?.body[0]));
    expect(names(bad)).toEqual(names(recorded[1]?.body[0]));
    expect([good?.code, bad?.code]).toEqual([200, 400]);
    expect(good?.body).toBe('{"id":"100000000000101"}');
    expect(bad?.body).toContain('developers.facebook.com\\/docs\\/graph-api');
    expect(reply.text).toContain('developers.facebook.com\\\\\\/docs');
  });

  it('comes on every path, as form or as JSON with an array', async () => {
    for (const path of ['', '/', '/v26.0', '/v26.0/', '/v26.0/me'])
      expect(at(await send([me], path), '0.code')).toBe(200);
    const posted = await call(
      `${sandbox.url}/graph.facebook.com/v26.0?access_token=${token}`,
      json({ batch: [me], include_headers: false }),
    );
    expect(posted.json).toEqual([{ code: 200, body: '{"id":"100000000000101"}' }]);
  });

  it('lets items bring their own token and proof', async () => {
    const other = sandbox.state.make.user();
    const own = sandbox.state.make.token({ userId: other.id }).accessToken;
    sandbox.state.patchApp(undefined, { requireProof: true });
    const proof = (one: string) => appsecretProof(sandbox.app.secret, one);
    const items = [
      me,
      { method: 'GET', relative_url: `me?fields=id&access_token=${own}` },
      { method: 'GET', relative_url: `me?fields=id&access_token=${own}&appsecret_proof=${proof(own)}` },
    ];
    const reply = await send(items, '/v26.0/', { appsecret_proof: proof(token) });
    sandbox.state.patchApp(undefined, { requireProof: false });
    const responses = reply.json as ItemResponse[];
    expect(responses.map((one) => one.code)).toEqual([200, 400, 200]);
    expect(responses[2]?.body).toBe(`{"id":"${other.id}"}`);
  });

  it('returns null for items that did not make it, and for named ones that others used', async () => {
    sandbox.state.faults.add({
      match: { inBatch: true, pathPattern: '^/me$' },
      times: 1,
      fault: { kind: 'null_item' },
    });
    expect((await send([me, me])).json).toEqual([null, expect.objectContaining({ code: 200 })]);
    const named = { ...me, name: 'who' };
    const uses = { method: 'GET', relative_url: '?ids={result=who:$.id}&fields=id' };
    const responses = (await send([named, uses])).json as (ItemResponse | null)[];
    expect(responses[0]).toBeNull();
    expect(responses[1]?.body).toBe('{"100000000000101":{"id":"100000000000101"}}');
    const kept = (await send([{ ...named, omit_response_on_success: false }, uses])).json as (ItemResponse | null)[];
    expect(kept[0]?.code).toBe(200);
    const failed = (await send([{ ...named, relative_url: '2' }, uses])).json as (ItemResponse | null)[];
    expect([failed[0]?.code, failed[1]]).toEqual([400, null]);
  });

  it('strikes single items with scripted errors', async () => {
    sandbox.state.faults.add({ match: { inBatch: true }, times: 1, fault: { kind: 'throttle', code: 17 } });
    const responses = (await send([me, me])).json as ItemResponse[];
    expect(responses.map((one) => one.code)).toEqual([400, 200]);
    expect(JSON.parse(responses[0]?.body ?? '')).toMatchObject({ error: { code: 17, is_transient: true } });
  });

  it('refuses more than 50 as recorded, bad tokens as a whole, and what is no list', async () => {
    const many = await send(Array.from({ length: 51 }, () => me));
    expect(many.status).toBe(400);
    expect(many.json).toEqual({
      error: {
        message: 'Too many requests in batch message. Maximum batch size is 50',
        type: 'GraphBatchException',
        fbtrace_id: expect.any(String),
      },
    });
    expect(at(await send([me], '/v26.0/', { access_token: 'wrong' }), 'error.code')).toBe(190);
    expect(at(await send({}), 'error.code')).toBe(100);
    expect((await call(`${sandbox.url}/graph.facebook.com/v26.0/`, bearer(token, json({ batch: [me] })))).status).toBe(
      200,
    );
  });
});
