import type { GrantedAsset } from '../../connections/authorization/provisioning-input.ts';
import type { AssetDetails } from '../../connections/connection/asset-details.ts';
import type { DiscoveryApi } from '../../meta/assets/discovery-api.ts';
import type { PhoneNumber } from '../../meta/assets/discovery-responses.ts';
import { MetaError } from '../../meta/errors/meta-error.ts';
import { asRefusal } from '../../meta/errors/refusal.ts';
import { tokenKind } from '../../meta/tokens/token-kinds.ts';
import type { MetaCause } from '../../platform/problem.ts';
import { coexistenceOf } from './coexistence.ts';
import type { Discovered, DiscoveryInput } from './discovery.ts';
import { findWhatsappAccounts } from './find-whatsapp-accounts.ts';
import { type UnsubscribedAccount, whatsappWarning } from './whatsapp-warnings.ts';

/** Result of subscribing an account; `meta` if Meta refused. */
type Subscription = { isSubscribed: true } | { isSubscribed: false; meta: MetaCause };

/**
 * Discovers WhatsApp Business Accounts and their numbers. Trusts an id only once Meta shows the account to this token:
 * webhooks and leases go by it. Subscribes our app to each account and reads that back
 * (docs/meta-facts.md#subscriptions-are-read-back).
 */
export async function discoverWhatsapp(api: DiscoveryApi, input: DiscoveryInput): Promise<Discovered> {
  const search = await findWhatsappAccounts(api, input);
  await input.beforeSubscribing?.(search.accounts.map(({ id }) => id));
  const assets: GrantedAsset[] = [];
  const unsubscribed: UnsubscribedAccount[] = [];
  const details = search.accounts.length === 0 ? {} : await businessOf(api, input);
  for (const { id, numbers } of search.accounts) {
    const name = await nameOf(api, input, id);
    assets.push({ type: 'whatsapp_business_account', id, name, parentId: null, pageId: null, details });
    assets.push(...numbers.map((number) => phoneAsset(input, id, number)));
    if (input.secondLook?.whatsappAccountIds.includes(id) === true) continue;
    const subscription = await subscribe(api, input, id);
    if (!subscription.isSubscribed) unsubscribed.push({ wabaId: id, meta: subscription.meta });
  }
  // Accounts that don't respond stay named: their own inspection finds out whether access was taken away.
  const coverage = { isComplete: true, namedIds: new Set(search.candidates) };
  return { pages: [], assets, warning: whatsappWarning(input, search, unsubscribed), coverage };
}

/** Null if Meta doesn't say; the account is still reached. */
async function nameOf(api: DiscoveryApi, { token }: DiscoveryInput, wabaId: string): Promise<string | null> {
  try {
    return (await api.whatsappAccounts.getAccount(wabaId, token)).name;
  } catch (error) {
    if (asRefusal(error) === null) throw error;
    return null;
  }
}

/**
 * The client's business, which only a business-integration system user's token reveals
 * (docs/meta-facts.md#system-users). Nothing depends on it.
 */
async function businessOf(api: DiscoveryApi, { token, inspection }: DiscoveryInput): Promise<AssetDetails> {
  if (!tokenKind(inspection.kind).mayHaveClientBusiness) return {};
  try {
    const id = await api.getClientBusinessId(token);
    return id === null ? {} : { business: { id, name: null } };
  } catch (error) {
    if (error instanceof MetaError) return {};
    throw error;
  }
}

function phoneAsset(input: DiscoveryInput, wabaId: string, number: PhoneNumber): GrantedAsset {
  const { id, displayPhoneNumber, verifiedName } = number;
  const asset = { id, name: displayPhoneNumber ?? verifiedName, parentId: wabaId, pageId: null };
  const coexistence = coexistenceOf(number, wabaId, input);
  return { type: 'phone_number', ...asset, ...(coexistence === undefined ? {} : { coexistence }) };
}

/** Subscribes, then trusts only the account's own list: an entry for another app isn't ours. */
async function subscribe(api: DiscoveryApi, { token, app }: DiscoveryInput, wabaId: string): Promise<Subscription> {
  try {
    await api.whatsappAccounts.subscribeApp(wabaId, token);
    const subscribed = await api.whatsappAccounts.listSubscribedApps(wabaId, token);
    return subscribed.some(({ id }) => id === app.id) ? { isSubscribed: true } : { isSubscribed: false, meta: {} };
  } catch (error) {
    const refusal = asRefusal(error);
    if (refusal === null) throw error;
    return { isSubscribed: false, meta: refusal.cause };
  }
}
