import { Inject, Injectable } from '@nestjs/common';
import type { SecretString } from '../../platform/secret-string.ts';
import type { CallContext } from '../errors/classify-error.ts';
import { MetaError } from '../errors/meta-error.ts';
import { unusableResponseError } from '../errors/unusable-response-error.ts';
import type { GraphCall } from '../graph/graph-call.ts';
import { requireGraphId } from '../graph/graph-id.ts';
import { GraphTransport } from '../graph/graph-transport.ts';
import { asObject, type Json, readId, readText } from '../graph/lossless-json.ts';
import { paginate } from '../graph/paginate.ts';
import {
  type AdAccount,
  type DiscoveredPage,
  type Permissions,
  readAdAccount,
  readPage,
  readPermissions,
} from './discovery-responses.ts';
import { WhatsappApi } from './whatsapp-api.ts';

const PAGE_FIELDS = 'id,name,access_token,tasks';
const INSTAGRAM_FIELDS = 'instagram_business_account{id,username},connected_instagram_account{id,username}';

/** What a Facebook token reaches (META.md 5, 6). All methods throw `MetaError`, and `RangeError` for ids that are none. */
@Injectable()
export class DiscoveryApi {
  constructor(
    @Inject(GraphTransport) private readonly transport: GraphTransport,
    @Inject(WhatsappApi) readonly whatsapp: WhatsappApi,
  ) {}

  /**
   * Every page of the user, over all pages of paging, each once. Asks for the linked Instagram accounts too, and does
   * without where Meta refuses those fields (no Instagram scope).
   */
  async *listPages(userToken: SecretString): AsyncGenerator<DiscoveredPage, void, undefined> {
    const seen = new Set<string>();
    const list = (fields: string) => {
      const query = { fields, limit: '100' };
      return paginate(this.transport, this.read('list_pages', '/me/accounts', userToken, query));
    };
    for await (const item of withFallback(list(`${PAGE_FIELDS},${INSTAGRAM_FIELDS}`), () => list(PAGE_FIELDS))) {
      const page = readPage(item);
      if (page === null || seen.has(page.id)) continue;
      seen.add(page.id);
      yield page;
    }
  }

  /** The page that a page token belongs to, with its linked Instagram accounts where Meta returns them. */
  async getOwnPage(pageToken: SecretString): Promise<DiscoveredPage> {
    try {
      return await this.readOwnPage(pageToken, `id,name,${INSTAGRAM_FIELDS}`);
    } catch (error) {
      if (!isDenied(error)) throw error;
      return this.readOwnPage(pageToken, 'id,name');
    }
  }

  /** One page's token; null where the user has no task on it: the key is just missing then (META.md 5). */
  async getPageToken(pageId: string, userToken: SecretString): Promise<SecretString | null> {
    const query = { fields: 'id,name,access_token' };
    const response = await this.transport.call(
      this.read('get_page_token', `/${requireGraphId(pageId)}`, userToken, query),
    );
    const page = readPage(response.json);
    if (page === null) throw unusableResponseError('get_page_token', response.status, true);
    return page.accessToken;
  }

  /** Ids as `act_…`. */
  async listAdAccounts(token: SecretString): Promise<AdAccount[]> {
    const query = { fields: 'id,account_id,name,currency,business{id,name}', limit: '100' };
    return this.list('list_ad_accounts', '/me/adaccounts', token, query, readAdAccount);
  }

  /** What the user granted, declined and let expire (META.md 10). */
  async listPermissions(token: SecretString): Promise<Permissions> {
    const call = this.read('list_permissions', '/me/permissions', token, {});
    const items: Json[] = [];
    for await (const item of paginate(this.transport, call)) items.push(item);
    return readPermissions(items);
  }

  async getMe(token: SecretString): Promise<{ id: string; name: string | null }> {
    const response = await this.transport.call(this.read('get_me', '/me', token, { fields: 'id,name' }));
    const body = asObject(response.json);
    const id = readId(body, 'id');
    if (id === null) throw unusableResponseError('get_me', response.status, true);
    return { id, name: readText(body, 'name') };
  }

  /**
   * The client's business of a business-integration system user, else null. An ordinary token gets 190 here and is fine
   * (META.md 6), so no response to this call says anything about the token.
   */
  async getClientBusinessId(token: SecretString): Promise<string | null> {
    const query = { fields: 'client_business_id' };
    try {
      const call = this.read('get_client_business', '/me', token, query, 'client_business');
      return readId(asObject((await this.transport.call(call)).json), 'client_business_id');
    } catch (error) {
      const kind = error instanceof MetaError ? error.verdict.kind : null;
      if (kind === 'parameter' || kind === 'permission') return null;
      throw error;
    }
  }

  private async readOwnPage(pageToken: SecretString, fields: string): Promise<DiscoveredPage> {
    const response = await this.transport.call(this.read('get_own_page', '/me', pageToken, { fields }));
    const page = readPage(response.json);
    if (page === null) throw unusableResponseError('get_own_page', response.status, true);
    return page;
  }

  private read(
    operation: string,
    path: string,
    token: SecretString,
    query: Record<string, string>,
    context: CallContext = 'graph',
  ): GraphCall {
    return {
      operation,
      context,
      host: 'facebook',
      method: 'GET',
      path: `/${this.transport.host('facebook').version}${path}`,
      query,
      auth: { by: 'credential', token },
      effect: 'read',
    };
  }

  private async list<T>(
    operation: string,
    path: string,
    token: SecretString,
    query: Record<string, string>,
    readItem: (item: Json) => T | null,
  ): Promise<T[]> {
    const found: T[] = [];
    for await (const item of paginate(this.transport, this.read(operation, path, token, query))) {
      const value = readItem(item);
      if (value !== null) found.push(value);
    }
    return found;
  }
}

/** The first list, or the second where Meta refuses the first at its first page for what it asks. */
async function* withFallback<T>(first: AsyncGenerator<T>, second: () => AsyncGenerator<T>): AsyncGenerator<T> {
  let started = false;
  try {
    for await (const item of first) {
      started = true;
      yield item;
    }
  } catch (error) {
    if (started || !isDenied(error)) throw error;
    yield* second();
  }
}

/** Meta does not let this token have what was asked, or knows no such thing. */
function isDenied(error: unknown): boolean {
  return error instanceof MetaError && (error.verdict.kind === 'permission' || error.verdict.kind === 'parameter');
}
