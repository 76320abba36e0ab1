import type { SecretString } from '../../platform/secret-string.ts';
import { asPartialRefusal, isDenied } from '../errors/refusal.ts';
import { unusableResponseError } from '../errors/unusable-response-error.ts';
import { isGraphId } from '../graph/graph-id.ts';
import type { GraphTransport } from '../graph/graph-transport.ts';
import { type JsonObject, readId, readText } from '../graph/lossless-json.ts';
import { paginate } from '../graph/paginate.ts';
import { readCall } from '../graph/read-call.ts';
import { tokenKind } from '../tokens/token-kinds.ts';
import { AssetUnion, type Reached, type ReachedProgress } from './asset-union.ts';
import { BusinessApi, type ListingToken, targetIds } from './business-api.ts';
import { type DiscoveredPage, type InstagramAccount, readPage } from './discovery-responses.ts';
import { readObjects } from './read-objects.ts';

const INSTAGRAM_FIELDS = 'instagram_business_account{id,username},connected_instagram_account{id,username}';
const TOKEN_FIELDS = 'id,name,access_token';
/** Fields to request, largest set first: Meta refuses `tasks` on some lists, and Instagram fields without the scope. */
const PAGE_FIELDS: readonly string[] = [`${TOKEN_FIELDS},tasks`, TOKEN_FIELDS];
const LINKED_PAGE_FIELDS: readonly string[] = [
  `${TOKEN_FIELDS},tasks,${INSTAGRAM_FIELDS}`,
  `${TOKEN_FIELDS},${INSTAGRAM_FIELDS}`,
  TOKEN_FIELDS,
];
const PAGE_SCOPES = ['pages_'];
const INSTAGRAM_SCOPES = ['instagram_'];

/** Pages that a token reaches, and Instagram accounts named by a scope that no Page links. */
export interface ReachedPages extends Reached<DiscoveredPage> {
  unlinkedInstagramAccounts: InstagramAccount[];
}

/**
 * Pages and their tokens (docs/meta-facts.md#page-tokens). Methods throw `MetaError`, or `RangeError` for malformed
 * ids.
 */
export class PageApi {
  constructor(
    private readonly transport: GraphTransport,
    private readonly businesses: BusinessApi,
  ) {}

  /**
   * Returns every Page that a list or granular scope names, once each, with its token if Meta gives one. Lists leave
   * out Pages of a business portfolio (docs/meta-facts.md#pages-of-a-portfolio), so these are read by id. A refused
   * list is skipped; throws only if Meta refuses them all.
   */
  async findAll(of: ListingToken, onProgress: ReachedProgress): Promise<Reached<DiscoveredPage>> {
    return (await this.findPages(of, PAGE_FIELDS, onProgress)).result();
  }

  /** Like `findAll`, with linked Instagram accounts and those that a scope names but no Page links. */
  async findAllLinked(of: ListingToken, onProgress: ReachedProgress): Promise<ReachedPages> {
    const pages = await this.findPages(of, LINKED_PAGE_FIELDS, onProgress);
    const unlinkedInstagramAccounts = await this.readInstagramTargets(pages, of);
    return { ...pages.result(), unlinkedInstagramAccounts };
  }

  /** Returns the Page that a Page token belongs to, with linked Instagram accounts if Meta returns them. */
  async getOwnPage(pageToken: SecretString): Promise<DiscoveredPage> {
    try {
      return await this.readOwnPage(pageToken, `id,name,${INSTAGRAM_FIELDS}`);
    } catch (error) {
      if (!isDenied(error)) throw error;
      return this.readOwnPage(pageToken, 'id,name');
    }
  }

  /** Returns Page tokens by Page id. Pages that Meta hides or gives no token for are left out. */
  async getPageTokens(pageIds: readonly string[], userToken: SecretString): Promise<Map<string, SecretString>> {
    const tokens = new Map<string, SecretString>();
    const request = { operation: 'get_page_tokens', token: userToken, ids: pageIds, fields: [TOKEN_FIELDS] };
    // Throw errors about the user token: they say nothing about a single Page.
    for await (const { id, object } of readObjects(this.transport, { ...request, isRefusal: isDenied })) {
      const page = object === null ? null : readPage(object);
      if (page?.id === id && page.accessToken !== null) tokens.set(id, page.accessToken);
    }
    return tokens;
  }

  private async findPages(
    of: ListingToken,
    fields: readonly string[],
    onProgress: ReachedProgress,
  ): Promise<AssetUnion<DiscoveredPage>> {
    const pages = new AssetUnion<DiscoveredPage>(mergePages, onProgress);
    const addList = (operation: string, path: string) =>
      pages.addList(this.list(pages, { operation, path, token: of.token, fields }));
    await addList('list_pages', '/me/accounts');
    if (tokenKind(of.kind).hasAssignedAssets) await addList('list_assigned_pages', '/me/assigned_pages');
    for await (const id of this.businesses.listBusinessIds(of, (error) => pages.noteRefusal(error))) {
      if (!isGraphId(id)) continue;
      await addList('list_owned_pages', `/${id}/owned_pages`);
      await addList('list_client_pages', `/${id}/client_pages`);
    }
    const targets = targetIds(of, PAGE_SCOPES);
    pages.addNames(targets);
    const withoutToken = pages.items.filter(({ accessToken }) => accessToken === null).map(({ id }) => id);
    const unlisted = targets.filter((id) => pages.get(id) === undefined);
    await this.readInto(pages, of.token, fields, [...withoutToken, ...unlisted]);
    return pages;
  }

  /** Reads one list of Pages, retrying with fewer fields if Meta denies the first request. */
  private async *list(
    pages: AssetUnion<DiscoveredPage>,
    {
      operation,
      path,
      token,
      fields,
    }: { operation: string; path: string; token: SecretString; fields: readonly string[] },
  ): AsyncGenerator<DiscoveredPage, void, undefined> {
    for (const [index, wanted] of fields.entries()) {
      let started = false;
      if (lacksLinks(wanted, fields)) pages.noteGap();
      const query = { fields: wanted, limit: '100' };
      try {
        for await (const item of paginate(this.transport, readCall(this.transport, operation, path, token, query))) {
          started = true;
          const page = readPage(item);
          if (page !== null) yield page;
        }
        return;
      } catch (error) {
        if (started || index === fields.length - 1 || !isDenied(error)) throw error;
      }
    }
  }

  /** Reads these Pages by id and returns the ids that Meta does not show. */
  private async readInto(
    pages: AssetUnion<DiscoveredPage>,
    token: SecretString,
    fields: readonly string[],
    ids: readonly string[],
  ): Promise<string[]> {
    const refused: string[] = [];
    const request = { operation: 'get_pages', token, ids, fields, isRefusal };
    for await (const { id, object, fields: used } of readObjects(this.transport, request)) {
      const page = object === null ? null : readPage(object);
      if (page?.id !== id) {
        refused.push(id);
        continue;
      }
      if (lacksLinks(used, fields)) pages.noteGap();
      await pages.add(page);
    }
    return refused;
  }

  /** Reads the ids in Instagram scopes, which may be Pages or accounts. Returns the accounts that no Page links. */
  private async readInstagramTargets(pages: AssetUnion<DiscoveredPage>, of: ListingToken): Promise<InstagramAccount[]> {
    const named = targetIds(of, INSTAGRAM_SCOPES);
    const linked = new Set(pages.items.flatMap((page) => page.instagramAccounts.map(({ id }) => id)));
    const unknown = named.filter((id) => pages.get(id) === undefined && !linked.has(id));
    pages.addNames(named);
    if (unknown.length === 0) return [];
    const ids = await this.readInto(pages, of.token, LINKED_PAGE_FIELDS, unknown);
    const request = { operation: 'get_instagram_accounts', token: of.token, ids, fields: ['id,username'], isRefusal };
    const accounts: InstagramAccount[] = [];
    for await (const { id, object } of readObjects(this.transport, request)) {
      // Every object has an id, but only an account has a username.
      const account = object === null ? null : readInstagramAccount(object);
      if (account?.id === id && account.username !== null) accounts.push(account);
    }
    return accounts;
  }

  private async readOwnPage(pageToken: SecretString, fields: string): Promise<DiscoveredPage> {
    const response = await this.transport.call(readCall(this.transport, 'get_own_page', '/me', pageToken, { fields }));
    const page = readPage(response.json);
    if (page === null) throw unusableResponseError('get_own_page', response.status, true);
    return page;
  }
}

function readInstagramAccount(object: JsonObject): InstagramAccount | null {
  const id = readId(object, 'id');
  return id === null ? null : { id, username: readText(object, 'username') };
}

/** Combines two lists' views of a Page: either may lack the token or other fields. */
function mergePages(known: DiscoveredPage, page: DiscoveredPage): DiscoveredPage {
  const accounts = new Map<string, InstagramAccount>();
  for (const account of [...known.instagramAccounts, ...page.instagramAccounts])
    if ((accounts.get(account.id)?.username ?? null) === null) accounts.set(account.id, account);
  return {
    id: known.id,
    name: known.name ?? page.name,
    accessToken: known.accessToken ?? page.accessToken,
    tasks: known.tasks.length > 0 ? known.tasks : page.tasks,
    instagramAccounts: [...accounts.values()],
  };
}

/** Whether the fields that were used dropped the linked accounts from the ones that were wanted. */
function lacksLinks(used: string, wanted: readonly string[]): boolean {
  return wanted === LINKED_PAGE_FIELDS && !used.includes(INSTAGRAM_FIELDS);
}

function isRefusal(error: unknown): boolean {
  return asPartialRefusal(error) !== null;
}
