import { SecretString } from '../../../../src/platform/secret-string.ts';
import { type RecordedCase, readRecorded } from '../read-recorded.ts';
import { catchMetaError, graphError, META, scriptedMeta, TOKEN } from '../scripted-meta.ts';
import { graphOf, listingToken, listOf, noProgress, objectsOf, pathsOf } from './graph-script.ts';

const page = (id: string, more: object = {}) => ({ id, name: `Page ${id}`, access_token: `EAAB${id}`, ...more });
const untasked = (id: string, more: object = {}) => ({ id, name: `Page ${id}`, ...more });
const scope = (name: string, targetIds: string[] | null) => ({ scope: name, targetIds });

const tokensOf = (items: readonly { id: string; accessToken: SecretString | null }[]) =>
  Object.fromEntries(items.map(({ id, accessToken }) => [id, accessToken?.expose() ?? null]));

describe('one list', () => {
  it('is read to its end by cursor, past empty pages, and never by the link', async () => {
    const pages = [
      listOf([page('1', { tasks: ['MANAGE'] })], 'a1'),
      listOf([], 'a2'),
      listOf([page('3'), { id: '1' }]),
    ];
    const meta = scriptedMeta(...pages);
    const { items, isComplete } = await meta.pages.findAll(listingToken(), noProgress);
    expect(items).toMatchObject([{ id: '1', tasks: ['MANAGE'] }, { id: '3' }]);
    expect(isComplete).toBe(true);
    expect(meta.sent.map((request) => request.url.searchParams.get('after'))).toEqual([null, 'a1', 'a2']);
    for (const request of meta.sent) {
      expect(request.path).toBe(`graph.test/${META.graphApiVersion}/me/accounts`);
      expect(request.url.href).not.toContain(TOKEN.expose());
    }
  });

  it('is requested again from the same place with a smaller limit if Meta finds it too large', async () => {
    const meta = scriptedMeta((request) => {
      const limit = Number(request.url.searchParams.get('limit'));
      if (request.url.searchParams.get('after') === null) return listOf([page('1')], 'a1');
      return limit > 5 ? graphError(1, undefined, 500) : listOf([page('2')]);
    });
    const { items } = await meta.pages.findAll(listingToken(), noProgress);
    expect(items.map(({ id }) => id)).toEqual(['1', '2']);
    const asked = meta.sent.map(({ url }) => `${url.searchParams.get('after') ?? ''} ${url.searchParams.get('limit')}`);
    expect([...new Set(asked)]).toEqual([' 100', 'a1 100', 'a1 25', 'a1 5']);
  });

  it('returns to a larger limit after the heavy part, more slowly each time', async () => {
    const meta = scriptedMeta((request) => {
      const at = Number(request.url.searchParams.get('after') ?? '0');
      const limit = Number(request.url.searchParams.get('limit'));
      if (at < 2 && limit > 25) return graphError(1, undefined, 400);
      return listOf([page(String(at))], at === 9 ? undefined : String(at + 1));
    });
    await meta.pages.findAll(listingToken(), noProgress);
    const limits = meta.sent.map(({ url }) => url.searchParams.get('limit'));
    expect(limits.filter((limit) => limit === '25')).toHaveLength(4);
    expect(limits.at(-1)).toBe('100');
  });

  it('fails if even one object is too much, and at once on other temporary errors', async () => {
    const heavy = scriptedMeta(graphError(1, undefined, 500));
    expect((await catchMetaError(heavy.pages.findAll(listingToken(), noProgress))).verdict.kind).toBe('transient');
    expect(new Set(heavy.sent.map(({ url }) => url.searchParams.get('limit')))).toEqual(
      new Set(['100', '25', '5', '1']),
    );
    const away = scriptedMeta(graphError(2, undefined, 500));
    await catchMetaError(away.pages.findAll(listingToken(), noProgress));
    expect(new Set(away.sent.map(({ url }) => url.searchParams.get('limit')))).toEqual(new Set(['100']));
  });

  it('fails if paging loops or the response is not a list', async () => {
    const circle = scriptedMeta(listOf([page('1')], 'same'));
    expect((await catchMetaError(circle.pages.findAll(listingToken(), noProgress))).verdict).toEqual({
      kind: 'transient',
    });
    expect(circle.sent.length).toBeLessThan(4);
    const odd = scriptedMeta({ body: {} });
    expect((await catchMetaError(odd.pages.findAll(listingToken(), noProgress))).verdict.kind).toBe('transient');
  });

  it('reads the recordings, with the former paging by offset', async () => {
    const cases = readRecorded<{ cases: RecordedCase[] }>('page_accounts_responses.json').cases;
    const old = scriptedMeta({ body: cases[4]?.body }, listOf([]));
    const { items } = await old.pages.findAll(listingToken(), noProgress);
    expect(items[0]?.tasks).toContain('CREATE_CONTENT');
    expect(old.sent[1]?.url.searchParams.get('__after_id')).toMatch(/^enc_/);
  });

  it('of a Page token is the Page itself, without Instagram if Meta refuses those fields', async () => {
    const meta = scriptedMeta((request) =>
      request.url.searchParams.get('fields')?.includes('instagram') ? graphError(10) : { body: untasked('1') },
    );
    expect(await meta.pages.getOwnPage(TOKEN)).toMatchObject({ id: '1', instagramAccounts: [] });
    expect(meta.sent).toHaveLength(2);
  });
});

describe('the union of Pages', () => {
  it('includes what the list leaves out and a granular scope names, read by id and in bulk', async () => {
    const named = { '2': page('2'), '3': untasked('3'), '4': page('4') };
    const meta = graphOf({ '/me/accounts': listOf([page('1')]), '/': objectsOf(named) });
    const granularScopes = [scope('pages_show_list', ['1', '2', '3']), scope('pages_read_engagement', ['4', '2'])];
    const { items, isComplete, namedIds } = await meta.pages.findAll(listingToken({ granularScopes }), noProgress);
    expect(tokensOf(items)).toEqual({ '1': 'EAAB1', '2': 'EAAB2', '3': null, '4': 'EAAB4' });
    expect([isComplete, [...namedIds].sort()]).toEqual([true, ['1', '2', '3', '4']]);
    expect(pathsOf(meta.sent)).toEqual(['/me/accounts', '/?ids=2,3,4']);
  });

  it('splits requests, down to single reads, if one id fails the whole call', async () => {
    const ids = Array.from({ length: 60 }, (_, index) => String(100 + index));
    const known = Object.fromEntries(ids.filter((id) => id !== '117').map((id) => [id, page(id)]));
    const singles = Object.fromEntries(Object.entries(known).map(([id, body]) => [`/${id}`, { body }]));
    const meta = graphOf({ '/me/accounts': listOf([]), '/': objectsOf(known), ...singles });
    const granularScopes = [scope('pages_show_list', ids)];
    const { items, namedIds, isComplete } = await meta.pages.findAll(listingToken({ granularScopes }), noProgress);
    expect(items).toHaveLength(59);
    expect([namedIds.has('117'), isComplete]).toEqual([true, true]);
    expect(meta.sent.length).toBeLessThan(25);
    expect(meta.sent.every(({ url }) => (url.searchParams.get('ids') ?? '').split(',').length <= 50)).toBe(true);
  });

  it('reads one by one if Meta has no bulk reads, and reads what a bulk read leaves out', async () => {
    const single = { '/2': { body: page('2') }, '/3': { body: page('3') } };
    const granularScopes = [scope('pages_show_list', ['2', '3'])];
    for (const bulk of [graphError(2500), { status: 404, body: 'not found' }, { body: {} }]) {
      const meta = graphOf({ '/me/accounts': listOf([]), '/': bulk, ...single });
      const { items } = await meta.pages.findAll(listingToken({ granularScopes }), noProgress);
      expect(tokensOf(items)).toEqual({ '2': 'EAAB2', '3': 'EAAB3' });
    }
  });

  it('includes Pages that portfolios own and share, over all pages, once each, with a token if possible', async () => {
    const meta = graphOf({
      '/me/accounts': listOf([page('1'), untasked('2', { tasks: ['ANALYZE'] })]),
      '/me/businesses': listOf([{ id: '90' }, { id: '91' }]),
      '/90/owned_pages': (request) =>
        request.url.searchParams.get('after') === null ? listOf([untasked('1')], 'n') : listOf([page('2')]),
      '/90/client_pages': listOf([page('3')]),
      '/91/owned_pages': listOf([]),
      '/91/client_pages': listOf([untasked('4')]),
      '/4': { body: untasked('4') },
    });
    const token = listingToken({ scopes: ['business_management'] });
    const { items, isComplete } = await meta.pages.findAll(token, noProgress);
    expect(tokensOf(items)).toEqual({ '1': 'EAAB1', '2': 'EAAB2', '3': 'EAAB3', '4': null });
    expect(items[1]?.tasks).toEqual(['ANALYZE']);
    expect(isComplete).toBe(true);
  });

  it('reads portfolios that a scope names even if their list is refused, but none without the scope', async () => {
    const meta = graphOf({
      '/me/accounts': listOf([]),
      '/me/businesses': graphError(200),
      '/90/owned_pages': listOf([page('1')]),
      '/90/client_pages': listOf([]),
    });
    const granularScopes = [scope('business_management', ['90'])];
    const { items, isComplete } = await meta.pages.findAll(listingToken({ granularScopes }), noProgress);
    expect(tokensOf(items)).toEqual({ '1': 'EAAB1' });
    expect(isComplete).toBe(false);
    const plain = graphOf({ '/me/accounts': listOf([page('1')]) });
    await plain.pages.findAll(listingToken(), noProgress);
    expect(pathsOf(plain.sent)).toEqual(['/me/accounts']);
  });

  it('includes what is assigned to a system user', async () => {
    const meta = graphOf({ '/me/accounts': listOf([]), '/me/assigned_pages': listOf([page('1')]) });
    expect(tokensOf((await meta.pages.findAll(listingToken({ kind: 'system_user' }), noProgress)).items)).toEqual({
      '1': 'EAAB1',
    });
  });

  it('skips a refused list and is then incomplete', async () => {
    for (const refusal of [
      graphError(10),
      graphError(200),
      graphError(100),
      graphError(368),
      graphError(190),
      graphError(3),
    ]) {
      const meta = graphOf({ '/me/accounts': refusal, '/2': { body: page('2') } });
      const granularScopes = [scope('pages_show_list', ['2'])];
      const { items, isComplete } = await meta.pages.findAll(listingToken({ granularScopes }), noProgress);
      expect([tokensOf(items), isComplete]).toEqual([{ '2': 'EAAB2' }, false]);
    }
  });

  it('throws a refusal if all lists are refused, and errors for outages, throttling and dead tokens', async () => {
    const everything = await catchMetaError(graphOf({}).pages.findAll(listingToken(), noProgress));
    expect(everything.verdict.kind).toBe('parameter');
    for (const [answer, kind] of [
      [graphError(2, undefined, 500), 'transient'],
      [graphError(4), 'throttled'],
      [graphError(190, 460), 'dead'],
    ] as const) {
      const meta = graphOf({ '/me/accounts': listOf([page('1')]), '/me/businesses': answer });
      const token = listingToken({ scopes: ['business_management'] });
      expect((await catchMetaError(meta.pages.findAll(token, noProgress))).verdict.kind).toBe(kind);
    }
  });

  it('reports progress, which may stop it', async () => {
    const many = Array.from({ length: 250 }, (_, index) => page(String(index)));
    const counts: number[] = [];
    await graphOf({ '/me/accounts': listOf(many) }).pages.findAll(listingToken(), async (count) => {
      counts.push(count);
    });
    expect(counts).toEqual([100, 200]);
    const stopped = graphOf({ '/me/accounts': listOf(many) }).pages.findAll(listingToken(), async () => {
      throw new Error('stopped');
    });
    await expect(stopped).rejects.toThrow('stopped');
  });
});

describe('Instagram accounts', () => {
  const link = (id: string, username?: string) => ({ id, ...(username === undefined ? {} : { username }) });

  it('are found in either linking field, once each', async () => {
    const meta = graphOf({
      '/me/accounts': listOf([
        page('1', { connected_instagram_account: link('178') }),
        page('2', { instagram_business_account: link('179', 'b'), connected_instagram_account: link('180', 'c') }),
        page('3', { instagram_business_account: link('181'), connected_instagram_account: link('181', 'd') }),
        page('4'),
      ]),
    });
    const { items } = await meta.pages.findAllLinked(listingToken(), noProgress);
    expect(items.map(({ instagramAccounts }) => instagramAccounts)).toEqual([
      [{ id: '178', username: null }],
      [link('179', 'b'), link('180', 'c')],
      [link('181', 'd')],
      [],
    ]);
  });

  it('are unknown rather than gone if Meta refuses those fields', async () => {
    const meta = graphOf({
      '/me/accounts': (request) =>
        request.url.searchParams.get('fields')?.includes('instagram') ? graphError(10) : listOf([page('1')]),
    });
    const { items, isComplete } = await meta.pages.findAllLinked(listingToken(), noProgress);
    expect([tokensOf(items), isComplete]).toEqual([{ '1': 'EAAB1' }, false]);
  });

  it('are found through Pages that Instagram scopes name, and by their own ids', async () => {
    const meta = graphOf({
      '/me/accounts': listOf([page('1', { instagram_business_account: link('178', 'a') })]),
      '/2': { body: page('2', { instagram_business_account: link('179', 'b') }) },
      '/180': (request) =>
        request.url.searchParams.get('fields') === 'id,username' ? { body: link('180', 'c') } : graphError(100),
    });
    const granularScopes = [scope('instagram_basic', ['178', '2', '180', '999'])];
    const found = await meta.pages.findAllLinked(listingToken({ granularScopes }), noProgress);
    expect(found.items.map(({ id }) => id)).toEqual(['1', '2']);
    expect(found.unlinkedInstagramAccounts).toEqual([link('180', 'c')]);
    expect(found.namedIds.has('999')).toBe(true);
  });
});

describe('Page tokens by id', () => {
  it('are those that Meta gives; a refusal affects no other Page', async () => {
    const meta = graphOf({ '/1': { body: page('1') }, '/2': { body: untasked('2') }, '/3': graphError(100, 33) });
    const tokens = await meta.pages.getPageTokens(['1', '2', '3', '../x'], TOKEN);
    expect([...tokens].map(([id, token]) => [id, token.expose()])).toEqual([['1', 'EAAB1']]);
    expect(meta.sent.every(({ url }) => !url.href.includes('..'))).toBe(true);
  });

  it('throw if the user token is suspect or Meta is unavailable', async () => {
    for (const [answer, kind] of [
      [graphError(190), 'suspect'],
      [graphError(190, 460), 'dead'],
      [graphError(4), 'throttled'],
      [graphError(2, undefined, 500), 'transient'],
    ] as const) {
      const meta = scriptedMeta(answer);
      expect((await catchMetaError(meta.pages.getPageTokens(['1', '2'], TOKEN))).verdict.kind).toBe(kind);
    }
  });
});
