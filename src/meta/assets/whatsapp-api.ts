import type { SecretString } from '../../platform/secret-string.ts';
import { isDenied } from '../errors/refusal.ts';
import { unusableResponseError } from '../errors/unusable-response-error.ts';
import type { GraphCall } from '../graph/graph-call.ts';
import { requireGraphId } from '../graph/graph-id.ts';
import type { GraphTransport } from '../graph/graph-transport.ts';
import { asObject, field, type Json, readId, readText } from '../graph/lossless-json.ts';
import { paginate } from '../graph/paginate.ts';
import {
  type PhoneNumber,
  readPhoneNumber,
  readSubscribedApp,
  type SubscribedApp,
  type WhatsappAccount,
} from './discovery-responses.ts';

/** Field lists for phone numbers, richest first. None of the extra fields is required. */
const PHONE_FIELDS = [
  'id,display_phone_number,verified_name,quality_rating,code_verification_status,is_on_biz_app,platform_type',
  'id,display_phone_number,verified_name,quality_rating,code_verification_status',
  'id,display_phone_number,verified_name',
];

/** WhatsApp Business Accounts and their numbers. Methods throw `MetaError`, or `RangeError` for malformed ids. */
export class WhatsappApi {
  constructor(private readonly transport: GraphTransport) {}

  /** Reads an account by id. Any object with a name answers this, so success does not prove that it is an account. */
  async getAccount(wabaId: string, token: SecretString): Promise<WhatsappAccount> {
    const call = this.read('get_whatsapp_account', `/${requireGraphId(wabaId)}`, token, { fields: 'id,name' });
    const body = asObject((await this.transport.call(call)).json);
    return { id: readId(body, 'id') ?? wabaId, name: readText(body, 'name') };
  }

  /** Returns the id of the portfolio that owns an account, or null if Meta names none. */
  async getOwnerBusinessId(wabaId: string, token: SecretString): Promise<string | null> {
    const query = { fields: 'id,owner_business_info' };
    const call = this.read('get_whatsapp_account_owner', `/${requireGraphId(wabaId)}`, token, query);
    const body = asObject((await this.transport.call(call)).json);
    return readId(asObject(field(body, 'owner_business_info')), 'id');
  }

  /**
   * Lists numbers. Only accounts have this edge, so even an empty list proves an account. Drops fields that Meta
   * denies.
   */
  listPhoneNumbers(wabaId: string, token: SecretString): Promise<PhoneNumber[]> {
    return this.listNumbersWith(PHONE_FIELDS, `/${requireGraphId(wabaId)}/phone_numbers`, token);
  }

  /** Lists the account ids assigned to a system user in the business settings. */
  listAssignedAccountIds(token: SecretString): Promise<string[]> {
    return this.listIds('list_assigned_whatsapp_accounts', '/me/assigned_whatsapp_business_accounts', token);
  }

  /**
   * Lists the account ids that a portfolio owns. Only portfolios have this edge, so even an empty list proves a
   * portfolio.
   */
  listOwnedAccountIds(businessId: string, token: SecretString): Promise<string[]> {
    const path = `/${requireGraphId(businessId)}/owned_whatsapp_business_accounts`;
    return this.listIds('list_owned_whatsapp_accounts', path, token);
  }

  /** Lists the account ids that others share with a portfolio. */
  listClientAccountIds(businessId: string, token: SecretString): Promise<string[]> {
    const path = `/${requireGraphId(businessId)}/client_whatsapp_business_accounts`;
    return this.listIds('list_client_whatsapp_accounts', path, token);
  }

  /**
   * Subscribes our app to the account's webhooks. Verify with `listSubscribedApps`: Meta's success does not prove that
   * the subscription was stored (docs/meta-facts.md#whatsapp-accounts-of-a-token).
   */
  async subscribeApp(wabaId: string, token: SecretString): Promise<void> {
    await this.write('subscribe_app', `/${requireGraphId(wabaId)}/subscribed_apps`, token, {});
  }

  async listSubscribedApps(wabaId: string, token: SecretString): Promise<SubscribedApp[]> {
    const path = `/${requireGraphId(wabaId)}/subscribed_apps`;
    return this.list('list_subscribed_apps', path, token, {}, readSubscribedApp);
  }

  /** Registers a number for the Cloud API with a six-digit PIN (docs/meta-facts.md#registering-phone-numbers). */
  async registerPhoneNumber(phoneNumberId: string, token: SecretString, pin: SecretString): Promise<void> {
    const form = { messaging_product: 'whatsapp', pin: pin.expose() };
    // Meta allows ten tries in 72 hours (133016), wrong PINs included, so never retry automatically.
    await this.write('register_phone_number', `/${requireGraphId(phoneNumberId)}/register`, token, form, 'once');
  }

  private async listNumbersWith(
    [fields = 'id', ...simpler]: readonly string[],
    path: string,
    token: SecretString,
  ): Promise<PhoneNumber[]> {
    try {
      return await this.list('list_phone_numbers', path, token, { fields, limit: '100' }, readPhoneNumber);
    } catch (error) {
      if (simpler.length === 0 || !isDenied(error)) throw error;
      return this.listNumbersWith(simpler, path, token);
    }
  }

  private listIds(operation: string, path: string, token: SecretString): Promise<string[]> {
    const readItem = (item: Json) => readId(asObject(item), 'id');
    return this.list(operation, path, token, { fields: 'id', limit: '100' }, readItem);
  }

  private read(operation: string, path: string, token: SecretString, query: Record<string, string>): GraphCall {
    return {
      operation,
      context: 'graph',
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
