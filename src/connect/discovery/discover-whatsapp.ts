import type { GrantedAsset } from '../../connections/authorization/connection-provisioner.ts';
import type { AssetDetails } from '../../connections/connection/asset-details.ts';
import type { DiscoveryApi } from '../../meta/assets/discovery-api.ts';
import { MetaError } from '../../meta/errors/meta-error.ts';
import { asRefusal } from '../../meta/errors/refusal.ts';
import { tokenKind } from '../../meta/tokens/token-kinds.ts';
import { defineErrorCode } from '../../platform/error-code.ts';
import type { MetaCause } from '../../platform/problem.ts';
import type { ConnectionWarning, Discovered, DiscoveryInput } from './discovery.ts';

const SCOPES = new Set(['whatsapp_business_management', 'whatsapp_business_messaging']);

/** What became of one account's subscription; `meta` where Meta refused it. */
type Subscription = { isSubscribed: true } | { isSubscribed: false; meta: MetaCause };

/**
 * WhatsApp Business Accounts and their numbers. Which ones: the id from Embedded Signup, and the target ids of the granted
 * scopes; both can be silent (META.md 8). An id is believed only after Meta showed the account to this token, because webhooks
 * and leases go by it. Each account is subscribed to our app's webhooks, and the subscription read back (META.md 19.11).
 */
export async function discoverWhatsapp(api: DiscoveryApi, input: DiscoveryInput): Promise<Discovered> {
  const assets: GrantedAsset[] = [];
  const unsubscribed: { wabaId: string; meta: MetaCause }[] = [];
  const candidates = candidateIds(input);
  const details = candidates.length === 0 ? {} : await businessOf(api, input);
  for (const wabaId of candidates) {
    const account = await unlessRefused(api.listWhatsappAccounts(input.token, [wabaId]));
    const [found] = account ?? [];
    if (found === undefined) continue;
    const { id, name } = found;
    assets.push({ type: 'whatsapp_business_account', id, name, parentId: null, pageId: null, details });
    assets.push(...(await phoneNumbers(api, input, id)));
    const subscription = await subscribe(api, input, id);
    if (!subscription.isSubscribed) unsubscribed.push({ wabaId: id, meta: subscription.meta });
  }
  if (assets.length === 0) return { pages: [], assets, warning: noAccount(input, candidates) };
  return { pages: [], assets, warning: unsubscribed.length === 0 ? null : notSubscribed(unsubscribed) };
}

const NO_WHATSAPP_ACCOUNT = defineErrorCode('status_reason', {
  code: 'no_whatsapp_account',
  detail: 'No WhatsApp Business Account is known for the token.',
  remedy:
    'Go through Embedded Signup again to its end, or complete a connect session with the waba_id of its session message.',
});

const WEBHOOKS_NOT_SUBSCRIBED = defineErrorCode('status_reason', {
  code: 'webhooks_not_subscribed',
  detail: 'The app is not subscribed to the webhooks of a WhatsApp Business Account.',
  remedy:
    'Check that whatsapp_business_management was granted for this account and that the app has a callback URL for whatsapp_business_account, then connect again: that subscribes anew.',
});

/** Users who just signed up have to do it again; for an imported token, an operator may know the account's id. */
function noAccount({ isInteractive }: DiscoveryInput, candidates: readonly string[]): ConnectionWarning {
  const detail =
    candidates.length === 0
      ? 'Neither Embedded Signup nor the granted permissions name a WhatsApp Business Account.'
      : `The token may not see the WhatsApp Business Account ${candidates.join(', ')}.`;
  return {
    code: NO_WHATSAPP_ACCOUNT.code,
    detail,
    remedy: isInteractive
      ? 'Create a connect session and go through Embedded Signup again to its end, choosing the account; a front end that runs the SDK itself gives the waba_id of its session message along.'
      : 'Give the system user the WhatsApp Business Account in the business settings, then import a token that was made after that.',
    ...(isInteractive ? { isUnusable: true } : {}),
  };
}

function notSubscribed(unsubscribed: readonly { wabaId: string; meta: MetaCause }[]): ConnectionWarning {
  const meta = unsubscribed[0]?.meta ?? {};
  return {
    code: WEBHOOKS_NOT_SUBSCRIBED.code,
    detail: `The app is not subscribed to the webhooks of the WhatsApp Business Account ${unsubscribed.map(({ wabaId }) => wabaId).join(', ')}: no message reaches it.`,
    remedy: WEBHOOKS_NOT_SUBSCRIBED.remedy,
    ...(Object.keys(meta).length === 0 ? {} : { meta }),
  };
}

function candidateIds({ hints, inspection }: DiscoveryInput): string[] {
  const granted = inspection.granularScopes.flatMap(({ scope, targetIds }) =>
    SCOPES.has(scope) ? (targetIds ?? []) : [],
  );
  return [...new Set([...(hints.wabaId === undefined ? [] : [hints.wabaId]), ...granted])];
}

/** The client's business, which only the token of a business-integration system user reveals (META.md 6). Nothing depends on it. */
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

async function phoneNumbers(api: DiscoveryApi, { token }: DiscoveryInput, wabaId: string): Promise<GrantedAsset[]> {
  const numbers = (await unlessRefused(api.listPhoneNumbers(wabaId, token))) ?? [];
  return numbers.map(({ id, displayPhoneNumber, verifiedName }) => ({
    type: 'phone_number',
    id,
    name: displayPhoneNumber ?? verifiedName,
    parentId: wabaId,
    pageId: null,
  }));
}

/** Subscribes, and believes only what the account then says of itself: another app in the list is not ours. */
async function subscribe(api: DiscoveryApi, { token, app }: DiscoveryInput, wabaId: string): Promise<Subscription> {
  try {
    await api.subscribeApp(wabaId, token);
    const apps = await api.listSubscribedApps(wabaId, token);
    return apps.some(({ id }) => id === app.id) ? { isSubscribed: true } : { isSubscribed: false, meta: {} };
  } catch (error) {
    const refusal = asRefusal(error);
    if (refusal === null) throw error;
    return { isSubscribed: false, meta: refusal.cause };
  }
}

/** Null where Meta says that this token may not; outages and rate limits stay errors. */
async function unlessRefused<T>(call: Promise<T>): Promise<T | null> {
  try {
    return await call;
  } catch (error) {
    if (asRefusal(error) === null) throw error;
    return null;
  }
}
