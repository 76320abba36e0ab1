import { Inject, Injectable } from '@nestjs/common';
import type { SecretString } from '../../platform/secret-string.ts';
import type { CallContext } from '../errors/classify-error.ts';
import { MetaError } from '../errors/meta-error.ts';
import { unusableResponseError } from '../errors/unusable-response-error.ts';
import type { GraphCall } from '../graph/graph-call.ts';
import { requireGraphId } from '../graph/graph-id.ts';
import { GraphTransport } from '../graph/graph-transport.ts';
import { asObject, field, type Json, readId, readText } from '../graph/lossless-json.ts';
import { paginate } from '../graph/paginate.ts';
import { AdAccountApi } from './ad-account-api.ts';
import {
  type Permissions,
  type PhoneNumber,
  readPermissions,
  readPhoneNumber,
  readSubscribedApp,
  type SubscribedApp,
  type WhatsappAccount,
} from './discovery-responses.ts';
import { PageApi } from './page-api.ts';

const PHONE_FIELDS = 'id,display_phone_number,verified_name,quality_rating,code_verification_status';

/** What a Facebook token reaches (META.md 5, 6, 8): Pages, ad accounts, WhatsApp accounts, permissions. All methods throw `MetaError`, and `RangeError` for ids that are none. */
@Injectable()
export class DiscoveryApi {
  constructor(
    @Inject(GraphTransport) private readonly transport: GraphTransport,
    @Inject(PageApi) readonly pages: PageApi,
    @Inject(AdAccountApi) readonly adAccounts: AdAccountApi,
  ) {}

  /** The names of these WABAs, in their order; ids come from Embedded Signup or from granular scopes (META.md 8). */
  async listWhatsappAccounts(token: SecretString, wabaIds: readonly string[]): Promise<WhatsappAccount[]> {
    const accounts: WhatsappAccount[] = [];
    for (const wabaId of wabaIds) {
      const call = this.read('get_whatsapp_account', `/${requireGraphId(wabaId)}`, token, { fields: 'id,name' });
      const body = asObject((await this.transport.call(call)).json);
      accounts.push({ id: readId(body, 'id') ?? wabaId, name: readText(body, 'name') });
    }
    return accounts;
  }

  async listPhoneNumbers(wabaId: string, token: SecretString): Promise<PhoneNumber[]> {
    const path = `/${requireGraphId(wabaId)}/phone_numbers`;
    return this.list('list_phone_numbers', path, token, { fields: PHONE_FIELDS, limit: '100' }, readPhoneNumber);
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

  /** Subscribes our app to the WABA's webhooks; read it back with `subscribedApps`, for Meta's success does not prove it (META.md 19.11). */
  async subscribeApp(wabaId: string, token: SecretString): Promise<void> {
    await this.write('subscribe_app', `/${requireGraphId(wabaId)}/subscribed_apps`, token, {});
  }

  async listSubscribedApps(wabaId: string, token: SecretString): Promise<SubscribedApp[]> {
    const path = `/${requireGraphId(wabaId)}/subscribed_apps`;
    return this.list('list_subscribed_apps', path, token, {}, readSubscribedApp);
  }

  /** Makes a number usable with the Cloud API; the pin (six digits) is set, or checked where two-step is on (META.md 8). */
  async registerPhoneNumber(phoneNumberId: string, token: SecretString, pin: SecretString): Promise<void> {
    const form = { messaging_product: 'whatsapp', pin: pin.expose() };
    // Meta allows ten tries in 72 hours (133016), and counts wrong pins: never repeated automatically.
    await this.write('register_phone_number', `/${requireGraphId(phoneNumberId)}/register`, token, form, 'once');
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

  private async write(
    operation: string,
    path: string,
    token: SecretString,
    form: Record<string, string>,
    effect: 'repeatable' | 'once' = 'repeatable',
  ): Promise<void> {
    const { query: _, ...call } = this.read(operation, path, token, {});
    const response = await this.transport.call({ ...call, method: 'POST', form, effect });
    if (response.json !== true && field(asObject(response.json), 'success') !== true)
      throw unusableResponseError(operation, response.status, true);
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
