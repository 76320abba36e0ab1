import { Inject, Injectable } from '@nestjs/common';
import type { SecretString } from '../../platform/secret-string.ts';
import { asPartialRefusal, isDenied } from '../errors/refusal.ts';
import { unusableResponseError } from '../errors/unusable-response-error.ts';
import { isGraphId } from '../graph/graph-id.ts';
import { GraphTransport } from '../graph/graph-transport.ts';
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
/** The most that is asked of a Page first; less where Meta refuses that (a list without tasks, no Instagram scope). */
const PAGE_FIELDS: readonly string[] = [`${TOKEN_FIELDS},tasks`, TOKEN_FIELDS];
const LINKED_PAGE_FIELDS: readonly string[] = [
  `${TOKEN_FIELDS},tasks,${INSTAGRAM_FIELDS}`,
  `${TOKEN_FIELDS},${INSTAGRAM_FIELDS}`,
  TOKEN_FIELDS,
];
const PAGE_SCOPES = ['pages_'];
const INSTAGRAM_SCOPES = ['instagram_'];

/** What a token reaches of Pages, and the Instagram accounts that a scope names and no Page links. */
export interface ReachedPages extends Reached<DiscoveredPage> {
  unlinkedInstagramAccounts: InstagramAccount[];
}

/** Pages and their tokens (META.md 5). All methods throw `MetaError`, and `RangeError` for ids that are none. */
@Injectable()
export class PageApi {
  constructor(
    @Inject(GraphTransport) private readonly transport: GraphTransport,
    @Inject(BusinessApi) private readonly businesses: BusinessApi,
  ) {}

  /**
   * Every Page that any list or granular scope names, each once, with a token where Meta gives one: lists leave out what a business
   * portfolio shares, though the Page itself answers. A list that Meta refuses costs only itself; where it refuses them all, that is thrown.
   */
  async findAll(of: ListingToken, onProgress: ReachedProgress): Promise<Reached<DiscoveredPage>> {
    return (await this.findPages(of, PAGE_FIELDS, onProgress)).result();
  }

  /** The same with the Instagram accounts that the Pages link, and those that a scope names and no Page links. */
  async findAllLinked(of: ListingToken, onProgress: ReachedProgress): Promise<ReachedPages> {
    const pages = await this.findPages(of, LINKED_PAGE_FIELDS, onProgress);
    const unlinkedInstagramAccounts = await this.readInstagramTargets(pages, of);
    return { ...pages.result(), unlinkedInstagramAccounts };
  }

  /** The Page that a page token belongs to, with its linked Instagram accounts where Meta returns them. */
  async getOwnPage(pageToken: SecretString): Promise<DiscoveredPage> {
    try {
      return await this.readOwnPage(pageToken, `id,name,${INSTAGRAM_FIELDS}`);
    } catch (error) {
      if (!isDenied(error)) throw error;
      return this.readOwnPage(pageToken, 'id,name');
    }
  }

  /** Tokens of Pages by their ids; those that Meta gives no token for, or does not show, are missing. */
  async getPageTokens(pageIds: readonly string[], userToken: SecretString): Promise<Map<string, SecretString>> {
    const tokens = new Map<string, SecretString>();
    const request = { operation: 'get_page_tokens', token: userToken, ids: pageIds, fields: [TOKEN_FIELDS] };
    // A doubt about the user token is not one about a Page: it is thrown.
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

  /** One list of Pages, over all its pages of paging. */
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

  /** Adds what Meta shows of these Pages; the ids that it does not show. */
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

  /** Scopes of Instagram name Pages or accounts. The accounts that no Page links, for all that Meta shows. */
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
      // Everything has an id: only what has a user name, too, is an account.
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

/** A token of either list counts, and so does what only one of them says. */
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

/** Whether these fields of the ones that were wanted leave out the linked accounts. */
function lacksLinks(used: string, wanted: readonly string[]): boolean {
  return wanted === LINKED_PAGE_FIELDS && !used.includes(INSTAGRAM_FIELDS);
}

function isRefusal(error: unknown): boolean {
  return asPartialRefusal(error) !== null;
}
