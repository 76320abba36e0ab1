import type { GraphCall } from '../../../../src/meta/graph/graph-call.ts';
import { HttpRequestError } from '../../../../src/platform/http-client/http-client.ts';
import { APP_SECRET, catchMetaError, graphError, scriptedMeta, TOKEN } from '../scripted-meta.ts';

const READ: GraphCall = {
  operation: 'get_me',
  context: 'graph',
  host: 'facebook',
  method: 'GET',
  path: '/v26.0/me',
  query: { fields: 'id' },
  auth: { by: 'credential', token: TOKEN },
  effect: 'read',
};
const ONCE: GraphCall = {
  ...READ,
  operation: 'exchange_code',
  method: 'POST',
  form: { code: 'c' },
  auth: { by: 'none' },
  effect: 'once',
};
const GOOD = { body: { id: '1' } };

describe('sending', () => {
  it('puts the token in the header, with its proof', async () => {
    const meta = scriptedMeta(GOOD);
    await meta.transport.call(READ);
    const [request] = meta.sent;
    expect(request?.authorization).toBe(`Bearer ${TOKEN.expose()}`);
    expect(request?.path).toBe('graph.test/v26.0/me');
    expect(request?.url.searchParams.get('appsecret_proof')).toMatch(/^[0-9a-f]{64}$/);
    expect(request?.url.href).not.toContain(TOKEN.expose());
  });

  it('sends no proof with an app token or to hosts that do not support it', async () => {
    const meta = scriptedMeta(GOOD);
    await meta.transport.call({ ...READ, auth: { by: 'app' } });
    await meta.transport.call({ ...READ, host: 'threads' });
    expect(meta.sent.map((request) => request.url.searchParams.has('appsecret_proof'))).toEqual([false, false]);
    expect(meta.sent[0]?.authorization).toBe(`Bearer 1001|${APP_SECRET}`);
  });
});

describe('retries', () => {
  it('a read after outages, with full jitter and at most three tries', async () => {
    const meta = scriptedMeta({ status: 502, body: '<html>' }, new HttpRequestError('reset', true), GOOD);
    await expect(meta.transport.call(READ)).resolves.toMatchObject({ status: 200 });
    expect(meta.waits).toEqual([100, 200]);
    const down = scriptedMeta(graphError(2, undefined, 503));
    expect((await catchMetaError(down.transport.call(READ))).verdict).toEqual({ kind: 'transient' });
    expect(down.sent).toHaveLength(3);
  });

  it('nothing that was throttled, refused, too large, or aborted', async () => {
    for (const step of [
      graphError(4),
      graphError(190, 463),
      graphError(100),
      new HttpRequestError('too_large', true),
      new HttpRequestError('aborted', true),
    ]) {
      const meta = scriptedMeta(step);
      await catchMetaError(meta.transport.call(READ));
      expect(meta.sent).toHaveLength(1);
    }
  });

  it('a once-call only if it cannot have arrived', async () => {
    const unreached = scriptedMeta(new HttpRequestError('connect', false), GOOD);
    await expect(unreached.transport.call(ONCE)).resolves.toMatchObject({ status: 200 });
    for (const step of [
      new HttpRequestError('timeout', true),
      new HttpRequestError('reset', true),
      graphError(2, undefined, 500),
      graphError(2),
      { body: 'Service Unavailable' },
    ]) {
      const meta = scriptedMeta(step);
      expect((await catchMetaError(meta.transport.call(ONCE))).mayHaveCommitted).toBe(true);
      expect(meta.sent).toHaveLength(1);
    }
  });

  it('reports that nothing was committed if Meta refused, and never for a read', async () => {
    expect((await catchMetaError(scriptedMeta(graphError(100, 36009)).transport.call(ONCE))).mayHaveCommitted).toBe(
      false,
    );
    expect(
      (await catchMetaError(scriptedMeta(new HttpRequestError('timeout', true)).transport.call(READ))).mayHaveCommitted,
    ).toBe(false);
  });
});

describe('responses', () => {
  it.each(['Service Unavailable', '', '<html></html>', 'NOT FOUND'])('200 with %j is an outage', async (body) => {
    expect((await catchMetaError(scriptedMeta({ body }).transport.call(READ))).verdict).toEqual({ kind: 'transient' });
  });

  it('an error with status 200 is an error', async () => {
    const error = await catchMetaError(scriptedMeta(graphError(190, 458, 200)).transport.call(READ));
    expect(error.verdict).toEqual({ kind: 'dead', reason: 'app_removed' });
    expect(error.cause).toEqual({ code: 190, subcode: 458, type: 'OAuthException', fbtrace_id: 'Atrace' });
  });

  it('a JSON refusal without an error object declares no token dead', async () => {
    for (const status of [400, 401, 403, 404, 500]) {
      expect((await catchMetaError(scriptedMeta({ status, body: {} }).transport.call(READ))).verdict.kind).not.toBe(
        'dead',
      );
    }
  });

  it('takes the trace id from the header if the body has none', async () => {
    const meta = scriptedMeta({ status: 500, body: 'x', headers: { 'x-fb-request-id': 'Aheader' } });
    expect((await catchMetaError(meta.transport.call(READ))).cause).toEqual({ fbtrace_id: 'Aheader' });
  });
});

it('puts no token, secret or text of Meta into errors and logs', async () => {
  const meta = scriptedMeta(graphError(190));
  const error = await catchMetaError(meta.transport.call(READ));
  const shown = `${error.message} ${error.stack} ${JSON.stringify(error)} ${meta.lines.join()}`;
  for (const secret of [TOKEN.expose(), APP_SECRET, 'Malformed']) expect(shown).not.toContain(secret);
  expect(error.message).toBe('get_me: suspect, HTTP 400, code 190');
});

it('reports usage and throttles with times to the observer', async () => {
  const headers = {
    'x-business-use-case-usage': '{"1":[{"type":"pages","call_count":100,"estimated_time_to_regain_access":2}]}',
  };
  const meta = scriptedMeta(
    { ...graphError(32), headers },
    { ...GOOD, headers: { 'x-app-usage': '{"call_count":7}' } },
  );
  const error = await catchMetaError(meta.transport.call(READ));
  await meta.transport.call(READ);
  expect(error.retryAfterSeconds).toBe(120);
  expect(meta.observed).toMatchObject([
    { appId: '1001', throttle: { scope: 'page', retryAfterSeconds: 120 } },
    { appId: '1001', usage: { appUsagePercent: 7 }, throttle: null },
  ]);
});

it('reports requested and served versions if the path has a version and the host several', async () => {
  const asking = { ...READ, path: '/v25.0/me' };
  const headers = (version: string) => ({ ...GOOD, headers: { 'facebook-api-version': version } });
  const meta = scriptedMeta(
    headers('v25.0'),
    headers('v26.0'),
    headers('v26.0'),
    headers('odd'),
    GOOD,
    {
      ...GOOD,
      headers: { 'instagram-api-version': 'v24.0' },
    },
    headers('v2.0'),
  );
  await meta.transport.call(asking);
  await meta.transport.call(asking);
  await meta.transport.call({ ...READ, path: '/refresh_access_token' });
  await meta.transport.call(asking);
  await meta.transport.call(asking);
  await meta.transport.call({ ...asking, host: 'instagram' });
  await meta.transport.call({ ...READ, host: 'threads', path: '/v1.0/me' });
  expect(meta.versions.map(({ host, asked, served }) => `${host} ${asked} ${served}`)).toEqual([
    'facebook v25.0 v25.0',
    'facebook v25.0 v26.0',
    'instagram v25.0 v24.0',
  ]);
});

it('counts calls, errors by known code, and version drift', async () => {
  const old = { ...GOOD, headers: { 'facebook-api-version': 'v24.0' } };
  const meta = scriptedMeta(graphError(190, 463), graphError(987654), old, old);
  await catchMetaError(meta.transport.call(READ));
  await catchMetaError(meta.transport.call(READ));
  await meta.transport.call(READ);
  await meta.transport.call(READ);
  const text = await meta.registry.metrics();
  expect(text).toContain('metavault_meta_requests_total{operation="get_me",outcome="ok"} 2');
  expect(text).toContain('metavault_meta_requests_total{operation="get_me",outcome="dead"} 1');
  expect(text).toContain('metavault_meta_errors_total{operation="get_me",code="190"} 1');
  expect(text).toContain('metavault_meta_errors_total{operation="get_me",code="other"} 1');
  expect(text).toContain('metavault_meta_version_drift_total{host="facebook",direction="older"} 2');
  expect(meta.lines.filter((line) => line.includes('another API version'))).toHaveLength(1);
});
