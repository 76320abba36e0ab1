import type { DiscoveryApi } from '../../meta/assets/discovery-api.ts';
import { defineErrorCode } from '../../platform/error-code.ts';
import type { ConnectionWarning, Discovered, DiscoveryInput } from './discovery.ts';

/** Ad accounts with their currency, and the business that owns them, which is their parent. */
export async function discoverAdAccounts(api: DiscoveryApi, { token }: DiscoveryInput): Promise<Discovered> {
  const accounts = await api.listAdAccounts(token);
  return {
    pages: [],
    assets: accounts.map(({ id, name, currency, business }) => ({
      type: 'ad_account',
      id,
      name,
      parentId: business?.id ?? null,
      pageId: null,
      details: {
        ...(currency === null ? {} : { currency }),
        ...(business === null ? {} : { business }),
      },
    })),
    warning: accounts.length > 0 ? null : NO_AD_ACCOUNT,
  };
}

const NO_AD_ACCOUNT: ConnectionWarning = defineErrorCode('status_reason', {
  code: 'no_ad_account',
  detail: 'The token reaches no ad account.',
  remedy: 'Give the user or system user a role on the ad account in the business settings, then connect again.',
});
