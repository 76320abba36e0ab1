import type { DiscoveryApi } from '../../meta/assets/discovery-api.ts';
import { defineErrorCode } from '../../platform/error-code.ts';
import { type ConnectionWarning, type Discovered, type DiscoveryInput, toListingToken } from './discovery.ts';

/** Discovers ad accounts with currency and owning business (their parent). */
export async function discoverAdAccounts(api: DiscoveryApi, input: DiscoveryInput): Promise<Discovered> {
  const { items, ...coverage } = await api.adAccounts.findAll(toListingToken(input), (assets) =>
    input.onProgress({ pages: 0, assets }),
  );
  return {
    pages: [],
    assets: items.map(({ id, name, currency, business }) => ({
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
    warning: items.length > 0 ? null : NO_AD_ACCOUNT,
    coverage,
  };
}

const NO_AD_ACCOUNT: ConnectionWarning = defineErrorCode('status_reason', {
  code: 'no_ad_account',
  detail: 'The token cannot access any ad account.',
  remedy: 'Give the user or system user a role on the ad account in Business Settings, then connect again.',
});
