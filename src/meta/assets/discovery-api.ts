import type { SecretString } from '../../platform/secret-string.ts';
import { MetaError } from '../errors/meta-error.ts';
import { unusableResponseError } from '../errors/unusable-response-error.ts';
import type { GraphTransport } from '../graph/graph-transport.ts';
import { asObject, type Json, readId, readText } from '../graph/lossless-json.ts';
import { paginate } from '../graph/paginate.ts';
import { readCall } from '../graph/read-call.ts';
import type { AdAccountApi } from './ad-account-api.ts';
import { type Permissions, readPermissions } from './discovery-responses.ts';
import type { PageApi } from './page-api.ts';
import type { WhatsappApi } from './whatsapp-api.ts';

/** What a Facebook token reaches. Methods throw `MetaError`, or `RangeError` for malformed ids. */
export class DiscoveryApi {
  constructor(
    private readonly transport: GraphTransport,
    readonly pages: PageApi,
    readonly adAccounts: AdAccountApi,
    readonly whatsappAccounts: WhatsappApi,
  ) {}

  /** Lists the scopes that the user granted, declined, or let expire (docs/meta-facts.md#revoking-a-grant). */
  async listPermissions(token: SecretString): Promise<Permissions> {
    const call = readCall(this.transport, 'list_permissions', '/me/permissions', token, {});
    const items: Json[] = [];
    for await (const item of paginate(this.transport, call)) items.push(item);
    return readPermissions(items);
  }

  async getMe(token: SecretString): Promise<{ id: string; name: string | null }> {
    const response = await this.transport.call(readCall(this.transport, 'get_me', '/me', token, { fields: 'id,name' }));
    const body = asObject(response.json);
    const id = readId(body, 'id');
    if (id === null) throw unusableResponseError('get_me', response.status, true);
    return { id, name: readText(body, 'name') };
  }

  /**
   * Returns the client's business of a business-integration system user, else null. An ordinary token gets a 190 here
   * although it is fine, so this call says nothing about the token
   * (docs/meta-facts.md#business-integration-system-users).
   */
  async getClientBusinessId(token: SecretString): Promise<string | null> {
    const query = { fields: 'client_business_id' };
    try {
      const call = readCall(this.transport, 'get_client_business', '/me', token, query);
      const { json } = await this.transport.call({ ...call, context: 'client_business' });
      return readId(asObject(json), 'client_business_id');
    } catch (error) {
      const kind = error instanceof MetaError ? error.verdict.kind : null;
      if (kind === 'parameter' || kind === 'permission') return null;
      throw error;
    }
  }
}
