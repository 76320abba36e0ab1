import type { GrantedAsset } from '../connections/establish-connection.ts';
import type { DiscoveryApi } from '../meta/discovery-api.ts';
import { MetaError } from '../meta/meta-error.ts';
import type { SecretString } from '../platform/secret-string.ts';
import type { Discovered, DiscoveryInput, Shortcoming } from './discovery.ts';

const SCOPES = new Set(['whatsapp_business_management', 'whatsapp_business_messaging']);

/**
 * WhatsApp Business Accounts and their numbers. Which ones: the id from Embedded Signup, and the target ids of the granted
 * scopes; both can be silent (META.md 8). An id is believed only after Meta showed the account to this token, because webhooks
 * and leases go by it. Each account is subscribed to our app's webhooks, and the subscription read back (META.md 19.11).
 */
export async function discoverWhatsapp(api: DiscoveryApi, input: DiscoveryInput): Promise<Discovered> {
  const assets: GrantedAsset[] = [];
  let shortcoming: Shortcoming | null = null;
  for (const wabaId of candidateIds(input)) {
    const [account] = (await unlessRefused(api.whatsappAccounts(input.token, [wabaId]))) ?? [];
    if (account === undefined) continue;
    assets.push({
      type: 'whatsapp_business_account',
      id: account.id,
      name: account.name,
      parentId: null,
      pageId: null,
    });
    assets.push(...(await phoneNumbers(api, input.token, account.id)));
    if (!(await subscribe(api, input.token, account.id))) shortcoming = NOT_SUBSCRIBED;
  }
  return { pages: [], assets, shortcoming: assets.length === 0 ? NO_ACCOUNT : shortcoming };
}

const NO_ACCOUNT: Shortcoming = {
  code: 'no_whatsapp_account',
  detail: 'Meta names no WhatsApp Business Account for this token.',
  remedy:
    'Go through Embedded Signup to its end, or complete a connect session with the waba_id of an account that this token may manage.',
};
const NOT_SUBSCRIBED: Shortcoming = {
  code: 'webhooks_not_subscribed',
  detail: "The app could not be subscribed to the WhatsApp Business Account's webhooks.",
  remedy: 'Check that the app has whatsapp_business_management for this account, then connect again.',
};

function candidateIds({ hints, inspection }: DiscoveryInput): string[] {
  const granted = inspection.granularScopes.flatMap(({ scope, targetIds }) =>
    SCOPES.has(scope) ? (targetIds ?? []) : [],
  );
  return [...new Set([...(hints.wabaId === undefined ? [] : [hints.wabaId]), ...granted])];
}

async function phoneNumbers(api: DiscoveryApi, token: SecretString, wabaId: string): Promise<GrantedAsset[]> {
  const numbers = (await unlessRefused(api.phoneNumbers(wabaId, token))) ?? [];
  return numbers.map(({ id, displayPhoneNumber, verifiedName }) => ({
    type: 'phone_number',
    id,
    name: displayPhoneNumber ?? verifiedName,
    parentId: wabaId,
    pageId: null,
  }));
}

/** Whether the account's webhooks reach us now. */
async function subscribe(api: DiscoveryApi, token: SecretString, wabaId: string): Promise<boolean> {
  const subscribed = await unlessRefused(api.subscribeApp(wabaId, token).then(() => api.subscribedApps(wabaId, token)));
  return subscribed !== null && subscribed.length > 0;
}

/** Null where Meta says that this token may not, which is an answer; weather and limits stay errors. */
async function unlessRefused<T>(call: Promise<T>): Promise<T | null> {
  try {
    return await call;
  } catch (error) {
    const kind = error instanceof MetaError ? error.verdict.kind : null;
    if (kind === 'permission' || kind === 'parameter') return null;
    throw error;
  }
}
