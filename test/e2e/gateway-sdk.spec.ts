import { createRequire } from 'node:module';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  type GatewayTestContext,
  type ImportedToken,
  META_TOKEN_FORM,
  openGatewayTestContext,
} from '../support/gateway-test-context.ts';

/** The parts of Meta's SDK used here; it ships no types. */
interface SdkObject {
  id: string;
  _data: Record<string, unknown>;
}
interface SdkCursor extends Array<SdkObject> {
  next(): Promise<SdkCursor>;
  previous(): Promise<SdkCursor>;
  hasNext(): boolean;
  hasPrevious(): boolean;
}
interface SdkApi {
  call(method: string, path: string[], params?: object, files?: object): Promise<Record<string, unknown>>;
  getAppID(): Promise<unknown>;
}
interface SdkNode {
  get(fields: string[], params?: object): Promise<SdkObject>;
  update(fields: string[], params: object): Promise<unknown>;
  delete(fields: string[]): Promise<unknown>;
  getAccounts(fields: string[], params?: object): Promise<SdkCursor>;
  getFeed(fields: string[], params?: object): Promise<SdkCursor>;
  createFeed(fields: string[], params: object): Promise<SdkObject>;
  createAdImage(fields: string[], params: object): Promise<SdkObject>;
  getInsights(fields: string[], params?: object): Promise<SdkCursor>;
  getInsightsAsync(fields: string[], params?: object): Promise<SdkObject>;
}
type SdkClass = new (id: string, data: object, parent: undefined, api: SdkApi) => SdkNode;
interface SdkResponse {
  body: Record<string, unknown>;
  status: number;
  isSuccess: boolean;
  error: SdkError | null;
}
interface SdkBatch {
  add(
    method: string,
    path: string[] | string,
    params?: object | null,
    files?: object | null,
    onSuccess?: (response: SdkResponse) => void,
    onFailure?: (response: SdkResponse) => void,
  ): unknown;
  execute(): Promise<SdkBatch | null>;
}
interface SdkError extends Error {
  status: number;
  response: Record<string, unknown>;
  headers: Record<string, string>;
}
interface Sdk {
  FacebookAdsApi: (new (accessToken: string, locale: string, crashLog: boolean) => SdkApi) & { GRAPH: string };
  FacebookAdsApiBatch: new (api: SdkApi) => SdkBatch;
  User: SdkClass;
  Page: SdkClass;
  AdAccount: SdkClass;
  AdReportRun: SdkClass;
}
const sdk = createRequire(import.meta.url)('facebook-nodejs-business-sdk') as Sdk;

let context: GatewayTestContext;
let metaUser: ImportedToken;
const pageIds: string[] = [];

beforeAll(async () => {
  context = await openGatewayTestContext();
  const { make } = context.sandbox.state;
  const user = make.user();
  for (let index = 0; index < 5; index++) pageIds.push(make.page({ userIds: [user.id] }).id);
  make.adAccount({ userId: user.id });
  metaUser = await context.importToken('ads', { userId: user.id });
  await context.importToken('pages', { userId: user.id });
  // The only change a product makes: our address instead of Meta's.
  const { graph_base_url } = await context.lease('ads');
  expect(graph_base_url).toBe(`${context.url}/graph`);
  Object.defineProperty(sdk.FacebookAdsApi, 'GRAPH', { get: () => graph_base_url });
});
afterAll(() => context.close());
beforeEach(() => context.sandbox.state.faults.clear());

const apiFor = async (body: Record<string, unknown> = {}) => {
  const { access_token } = await context.lease('pages', body);
  return new sdk.FacebookAdsApi(access_token, 'en_US', false);
};
const failure = async (call: Promise<unknown>): Promise<SdkError> => {
  try {
    await call;
  } catch (error) {
    expect(JSON.stringify(error)).not.toMatch(META_TOKEN_FORM);
    return error as SdkError;
  }
  throw new Error('the call did not fail');
};

describe("Meta's business SDK with a lease", () => {
  it('reads an object', async () => {
    const me = await new sdk.User('me', {}, undefined, await apiFor()).get(['id', 'name']);
    expect(me.id).toBe(metaUser.userId);
    expect(context.sandbox.state.log.list().at(-1)).toMatchObject({ tokenPlace: 'header', appsecretProof: true });
  });

  it('pages through a list, forward and back', async () => {
    const cursor = await new sdk.User('me', {}, undefined, await apiFor()).getAccounts(['id', 'access_token'], {
      limit: 2,
    });
    const seen: string[][] = [cursor.map(({ id }) => id)];
    while (cursor.hasNext()) {
      await cursor.next();
      seen.push(cursor.map(({ id }) => id));
    }
    expect(seen.map((ids) => ids.length)).toEqual([2, 2, 1]);
    expect(seen.flat().sort()).toEqual([...pageIds].sort());
    const back: string[][] = [];
    while (cursor.hasPrevious()) {
      await cursor.previous();
      back.unshift(cursor.map(({ id }) => id));
    }
    expect(back).toEqual(seen.slice(0, 2));
    for (const page of cursor) expect(page._data['access_token']).toMatch(/^mtl_/);
    await expect(cursor.previous()).rejects.toThrow('start of pagination');
  });

  it('creates, updates and deletes', async () => {
    const api = await apiFor({ asset_id: pageIds[0] });
    const page = new sdk.Page(pageIds[0] ?? '', {}, undefined, api);
    const post = await page.createFeed([], { message: 'Straße & «Café» 😀' });
    expect(post.id).toMatch(new RegExp(`^${pageIds[0]}_`));
    const [newest] = await page.getFeed(['id', 'message']);
    expect(newest?._data).toMatchObject({ id: post.id, message: 'Straße & «Café» 😀' });
    const node = new sdk.Page(post.id, {}, undefined, api);
    expect(await node.update([], { message: 'changed' })).toMatchObject({ success: true });
    await node.delete([]);
    expect(await page.getFeed(['id'])).toHaveLength(0);
  });

  it('calls in a batch: what worked, what failed, and a retry of what Meta left out', async () => {
    const user = await apiFor();
    const page = await context.lease('pages', { asset_id: pageIds[1] });
    context.sandbox.state.faults.add({
      fault: { kind: 'null_item' },
      times: 1,
      match: { inBatch: true, pathPattern: '/me/adaccounts' },
    });
    const worked: SdkResponse[] = [];
    const failed: SdkResponse[] = [];
    const batch = new sdk.FacebookAdsApiBatch(user);
    const add = (method: string, path: string[], params: object) =>
      batch.add(
        method,
        path,
        params,
        null,
        (one) => worked.push(one),
        (one) => failed.push(one),
      );
    add('GET', ['me'], { fields: 'id' });
    add('GET', ['me', 'accounts'], { limit: 1, fields: 'id,access_token' });
    add('POST', [pageIds[1] ?? '', 'feed'], { message: 'hello', access_token: page.access_token });
    add('GET', ['1234567890', 'nothing'], {});
    add('GET', ['me', 'adaccounts'], { fields: 'id' });
    const again = await batch.execute();
    expect(worked.map(({ body }) => body)).toEqual([
      { id: metaUser.userId },
      { data: [{ id: pageIds[0], access_token: expect.stringMatching(/^mtl_/) }], paging: expect.anything() },
      { id: expect.stringMatching(new RegExp(`^${pageIds[1]}_`)) },
    ]);
    expect(JSON.stringify(worked)).not.toMatch(META_TOKEN_FORM);
    expect(worked[1]?.body).toHaveProperty(
      'paging.next',
      expect.stringMatching(new RegExp(`^${context.url}/graph/v24.0/`)),
    );
    expect(failed[0]?.error).toMatchObject({
      name: 'FacebookRequestError',
      status: 400,
      response: { error: { code: 100 } },
    });
    await again?.execute();
    expect(worked[3]?.body['data']).toHaveLength(1);
  });

  it('uploads an image of more than 1 MiB as bytes in JSON', async () => {
    const [account] = (await (await apiFor()).call('GET', ['me', 'adaccounts'], {}))['data'] as { id: string }[];
    const image = Buffer.alloc(1_500_000, 'metavault');
    const api = await apiFor();
    const response = await api.call('POST', [account?.id ?? '', 'adimages'], { bytes: image.toString('base64') });
    expect(response).toEqual({ images: { bytes: { hash: expect.any(String), size: image.length } } });
  });

  it('runs reports, synchronously and asynchronously', async () => {
    const api = await apiFor();
    const [account] = (await api.call('GET', ['me', 'adaccounts'], {}))['data'] as { id: string }[];
    const node = new sdk.AdAccount(account?.id ?? '', {}, undefined, api);
    const rows = await node.getInsights(['impressions'], { time_increment: 1, limit: 3 });
    expect(rows).toHaveLength(3);
    await rows.next();
    await rows.next();
    expect([rows.length, rows.hasNext()]).toEqual([1, false]);
    const run = await node.getInsightsAsync([], { time_increment: 1 });
    expect(run).toBeDefined();
  });
});

describe('errors', () => {
  const me = async (api: SdkApi) => new sdk.User('me', {}, undefined, api).get(['id']);

  it("from Meta are the SDK's own, with Meta's fields", async () => {
    const error = await failure((await apiFor()).call('GET', ['me', 'shoes']));
    expect(error).toMatchObject({
      name: 'FacebookRequestError',
      status: 400,
      message: expect.stringContaining('nonexisting field (shoes)'),
      response: { type: 'OAuthException', code: 100, fbtrace_id: expect.any(String) },
    });
    expect(error.headers['www-authenticate']).toContain('OAuth "Facebook Platform"');
  });

  it("from throttling keep their code and Meta's usage data", async () => {
    context.fault(
      { kind: 'throttle', code: 17, usage: { 'x-app-usage': '{"call_count":100}' } },
      { pathPattern: '/me$' },
    );
    const error = await failure(me(await apiFor()));
    expect(error).toMatchObject({ name: 'FacebookRequestError', response: { code: 17, is_transient: true } });
  });

  it('from us are SDK exceptions, too', async () => {
    const ended = new sdk.FacebookAdsApi('mtl_nobody', 'en_US', false);
    expect(await failure(me(ended))).toMatchObject({
      name: 'FacebookRequestError',
      status: 401,
      response: { type: 'OAuthException', code: 190, error_data: { code: 'lease_invalid' } },
    });
    const refused = failure((await apiFor()).call('DELETE', ['me', 'permissions']));
    expect(await refused).toMatchObject({
      status: 403,
      response: { code: 200, error_data: { code: 'path_not_allowed' } },
    });
    const odd = failure((await apiFor()).call('GET', ['%E0%A4%A']));
    expect(await odd).toMatchObject({
      name: 'FacebookRequestError',
      status: 403,
      response: { code: 200, error_data: { code: 'path_not_allowed' } },
    });
  });

  it('from a connection that Meta breaks are transient', async () => {
    context.fault({ kind: 'drop_before' }, { method: 'POST' });
    const error = await failure((await apiFor()).call('POST', [pageIds[0] ?? '', 'feed'], { message: 'x' }));
    expect(error).toMatchObject({ status: 502, response: { code: 2, is_transient: true } });
  });
});

describe("the SDK's crash reporter", () => {
  it('asks for debug_token, and is refused: no crash report and no token goes to Meta', async () => {
    const before = context.sandbox.state.log.total;
    await expect((await apiFor()).getAppID()).rejects.toMatchObject({ response: { status: 403 } });
    expect(context.sandbox.state.log.total).toBe(before);
    expect(context.log.text()).not.toMatch(/mtl_[a-z0-9]{20}/);
  });
});

afterAll(() => {
  expect(context.log.text()).not.toMatch(META_TOKEN_FORM);
});
