import { SecretString } from '../../../../src/platform/secret-string.ts';
import { type RecordedCase, readRecorded } from '../read-recorded.ts';
import { catchMetaError, graphError, scriptedMeta, TOKEN } from '../scripted-meta.ts';

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

const next = `https://graph.test/v25.0/42/accounts?access_token=${TOKEN.expose()}&limit=25&after=X`;
const page = (data: unknown[], after?: string) => ({
  body: { data, paging: { cursors: { before: 'b', after: after ?? 'end' }, ...(after === undefined ? {} : { next }) } },
});

describe('pages', () => {
  it('come over all pages of paging, empty ones too, by cursor and never by the link', async () => {
    const linked = {
      id: '3',
      name: 'C',
      instagram_business_account: { id: '17841400000000001', username: 'u' },
      connected_instagram_account: { id: '17841400000000001' },
    };
    const meta = scriptedMeta(
      page([{ id: '1', name: 'A', access_token: 'EAABpage', tasks: ['MANAGE'] }], 'a1'),
      page([], 'a2'),
      page([linked, { id: '1' }]),
    );
    const pages = await collect(meta.discovery.listPages(TOKEN));
    expect(pages.map(({ id }) => id)).toEqual(['1', '3']);
    expect(pages[0]?.accessToken?.expose()).toBe('EAABpage');
    expect(pages[1]).toMatchObject({
      accessToken: null,
      instagramAccounts: [{ id: '17841400000000001', username: 'u' }],
    });
    expect(meta.sent.map((request) => request.url.searchParams.get('after'))).toEqual([null, 'a1', 'a2']);
    for (const request of meta.sent) {
      expect(request.path).toBe('graph.test/v25.0/me/accounts');
      expect(request.url.href).not.toContain(TOKEN.expose());
    }
  });

  it('link Instagram accounts by either field, each once', async () => {
    const link = (id: string, username?: string) => ({ id, ...(username === undefined ? {} : { username }) });
    const meta = scriptedMeta(
      page([
        { id: '1', connected_instagram_account: link('178') },
        { id: '2', instagram_business_account: link('179', 'b'), connected_instagram_account: link('180', 'c') },
        { id: '3', instagram_business_account: link('181'), connected_instagram_account: link('181', 'd') },
        { id: '4' },
      ]),
    );
    const pages = await collect(meta.discovery.listPages(TOKEN));
    expect(pages.map(({ instagramAccounts }) => instagramAccounts)).toEqual([
      [{ id: '178', username: null }],
      [
        { id: '179', username: 'b' },
        { id: '180', username: 'c' },
      ],
      [{ id: '181', username: 'd' }],
      [],
    ]);
  });

  it('of a page token are the page itself, without Instagram where Meta refuses those fields', async () => {
    const meta = scriptedMeta((request) =>
      request.url.searchParams.get('fields')?.includes('instagram')
        ? graphError(10)
        : { body: { id: '1', name: 'A page' } },
    );
    expect(await meta.discovery.getOwnPage(TOKEN)).toMatchObject({ id: '1', name: 'A page', instagramAccounts: [] });
    expect(meta.sent.map(({ path }) => path)).toEqual(['graph.test/v25.0/me', 'graph.test/v25.0/me']);
    expect((await catchMetaError(scriptedMeta(graphError(190, 460)).discovery.getOwnPage(TOKEN))).verdict.kind).toBe(
      'dead',
    );
  });

  it('end with an error where Meta turns in circles or sends no list', async () => {
    const circle = scriptedMeta(page([{ id: '1' }], 'same'));
    expect((await catchMetaError(collect(circle.discovery.listPages(TOKEN)))).verdict).toEqual({ kind: 'transient' });
    expect(circle.sent.length).toBeLessThan(4);
    expect((await catchMetaError(collect(scriptedMeta({ body: {} }).discovery.listPages(TOKEN)))).verdict.kind).toBe(
      'transient',
    );
  });

  it('come without Instagram where Meta refuses those fields', async () => {
    const meta = scriptedMeta((request) =>
      request.url.searchParams.get('fields')?.includes('instagram') ? graphError(10) : page([{ id: '1' }]),
    );
    expect(await collect(meta.discovery.listPages(TOKEN))).toHaveLength(1);
    await catchMetaError(collect(scriptedMeta(graphError(190, 463)).discovery.listPages(TOKEN)));
  });

  it('reads the recordings, with paging of old by offset', async () => {
    const cases = readRecorded<{ cases: RecordedCase[] }>('page_accounts_responses.json').cases;
    const two = scriptedMeta({ body: cases[0]?.body }, { body: cases[1]?.body });
    expect(await collect(two.discovery.listPages(TOKEN))).toHaveLength(6);
    const old = scriptedMeta({ body: cases[4]?.body }, page([]));
    const found = await collect(old.discovery.listPages(TOKEN));
    expect(found[0]?.tasks).toContain('CREATE_CONTENT');
    expect(old.sent[1]?.url.searchParams.get('__after_id')).toMatch(/^enc_/);
  });

  it('one page: its token, or null without a task; a response without an id is neither', async () => {
    expect(
      (await scriptedMeta({ body: { id: '1', access_token: 'EAABp' } }).discovery.getPageToken('1', TOKEN))?.expose(),
    ).toBe('EAABp');
    expect(await scriptedMeta({ body: { id: '1', name: 'x' } }).discovery.getPageToken('1', TOKEN)).toBeNull();
    await catchMetaError(scriptedMeta({ body: {} }).discovery.getPageToken('1', TOKEN));
    await expect(scriptedMeta(page([])).discovery.getPageToken('../x', TOKEN)).rejects.toThrow(RangeError);
  });
});

it('lists ad accounts, numbers and permissions', async () => {
  const accounts = scriptedMeta(
    page([{ account_id: '5', name: 'N', currency: 'EUR', business: { id: '9', name: 'B' } }]),
  );
  expect(await accounts.discovery.listAdAccounts(TOKEN)).toEqual([
    { id: 'act_5', name: 'N', currency: 'EUR', business: { id: '9', name: 'B' } },
  ]);
  const [first] = readRecorded<{ cases: RecordedCase[] }>('whatsapp_phone_number_responses.json').cases;
  const phones = scriptedMeta(page([first?.body]));
  expect(await phones.whatsapp.listPhoneNumbers('77', TOKEN)).toMatchObject([
    { id: '999999999999999', qualityRating: 'GREEN' },
  ]);
  const granted = scriptedMeta({
    body: {
      data: [
        { permission: 'a', status: 'granted' },
        { permission: 'b', status: 'declined' },
        { permission: 'c', status: 'odd' },
      ],
    },
  });
  expect(await granted.discovery.listPermissions(TOKEN)).toEqual({ granted: ['a'], declined: ['b'], expired: [] });
});

it('takes the 190 of client_business_id for no business', async () => {
  expect(await scriptedMeta(graphError(190)).discovery.getClientBusinessId(TOKEN)).toBeNull();
  expect(await scriptedMeta({ body: { client_business_id: '5', id: '1' } }).discovery.getClientBusinessId(TOKEN)).toBe(
    '5',
  );
  await catchMetaError(scriptedMeta(graphError(4)).discovery.getClientBusinessId(TOKEN));
});

it('registers a number once, with the pin in the body', async () => {
  const pin = new SecretString('480216');
  const meta = scriptedMeta({ body: { success: true } });
  await meta.whatsapp.registerPhoneNumber('55', TOKEN, pin);
  expect(meta.sent[0]).toMatchObject({ method: 'POST', path: 'graph.test/v25.0/55/register' });
  expect(meta.sent[0]?.url.search).not.toContain('480216');
  expect(meta.sent[0]?.form.get('pin')).toBe('480216');
  // Tries are counted, so nothing is tried again by itself, whatever the status.
  for (const step of [graphError(133005), graphError(133000, undefined, 500), graphError(2, undefined, 503)]) {
    const refused = scriptedMeta(step);
    const failure = await catchMetaError(refused.whatsapp.registerPhoneNumber('55', TOKEN, pin));
    expect(refused.sent).toHaveLength(1);
    expect(`${failure.message} ${JSON.stringify(failure)}`).not.toContain('480216');
  }
});

it('subscribes and reads back', async () => {
  const meta = scriptedMeta(
    { body: { success: true } },
    { body: { data: [{ whatsapp_business_api_data: { id: '1001', name: 'A' } }] } },
  );
  await meta.whatsapp.subscribeApp('77', TOKEN);
  expect(await meta.whatsapp.listSubscribedApps('77', TOKEN)).toEqual([
    { id: '1001', name: 'A', overrideCallbackUri: null },
  ]);
  expect(meta.sent[0]).toMatchObject({ method: 'POST', path: 'graph.test/v25.0/77/subscribed_apps' });
  await catchMetaError(scriptedMeta({ body: { success: false } }).whatsapp.subscribeApp('77', TOKEN));
});

describe('revocation', () => {
  const user = { kind: 'user' as const, token: TOKEN, metaUserId: '42' };

  it('removes the grant, and takes 190/458 for done', async () => {
    const meta = scriptedMeta({ body: { success: true } });
    expect(await meta.revocation.revoke(user)).toBe('confirmed');
    expect(meta.sent[0]).toMatchObject({ method: 'DELETE', path: 'graph.test/v25.0/42/permissions' });
    expect(await scriptedMeta({ body: 'true' }).revocation.revoke(user)).toBe('confirmed');
    expect(await scriptedMeta(graphError(190, 458)).revocation.revoke(user)).toBe('confirmed');
  });

  it('by our app token where the own one is dead', async () => {
    const meta = scriptedMeta((request) =>
      request.authorization?.includes('|') ? { body: { success: true } } : graphError(190, 460),
    );
    expect(await meta.revocation.revoke(user)).toBe('confirmed');
    expect(
      (await catchMetaError(scriptedMeta(graphError(190, 460)).revocation.revoke({ ...user, metaUserId: null })))
        .verdict.kind,
    ).toBe('dead');
  });

  it('is not confirmed by an outage or a no', async () => {
    await catchMetaError(scriptedMeta({ body: { success: false } }).revocation.revoke(user));
    await catchMetaError(scriptedMeta(graphError(2, undefined, 500)).revocation.revoke(user));
  });

  it('of system users keeps secrets out of the address; what Meta refuses is not supported', async () => {
    const meta = scriptedMeta({ body: { success: true } });
    expect(await meta.revocation.revoke({ ...user, kind: 'system_user' })).toBe('confirmed');
    expect(meta.sent[0]?.url.href).not.toMatch(/secret|EAAB/);
    expect(await scriptedMeta(graphError(100)).revocation.revoke({ ...user, kind: 'system_user' })).toBe(
      'not_supported',
    );
    expect(await scriptedMeta().revocation.revoke({ ...user, kind: 'instagram_user' })).toBe('not_supported');
  });
});

it('checks the app, and lists its subscriptions', async () => {
  const good = scriptedMeta({
    body: { access_token: '1001|x', token_type: 'bearer' },
    headers: { 'facebook-api-version': 'v25.0' },
  });
  expect(await good.app.checkAppCredentials()).toEqual({ ok: true, servedVersion: 'v25.0' });
  expect(good.sent[0]?.url.search).toBe('');
  expect(await scriptedMeta(graphError(1)).app.checkAppCredentials()).toMatchObject({
    ok: false,
    verdict: { what: 'secret' },
  });
  const list = [
    { object: 'user', callback_url: 'https://a.test', active: true, fields: [{ name: 'email', version: 'v25.0' }] },
    { object: 'page', fields: ['feed'] },
  ];
  expect(await scriptedMeta({ body: { data: list } }).app.listSubscriptions()).toEqual([
    { object: 'user', callbackUrl: 'https://a.test', active: true, fields: [{ name: 'email', version: 'v25.0' }] },
    { object: 'page', callbackUrl: null, active: false, fields: [{ name: 'feed', version: null }] },
  ]);
});
