import type { Product } from '../../config/config.ts';
import type { CredentialKind } from '../../connections/credentials/credential-kind.ts';
import type { DiscoveryApi } from '../../meta/assets/discovery-api.ts';
import { defineErrorCode } from '../../platform/error-code.ts';
import { discoverAdAccounts } from './discover-ad-accounts.ts';
import { discoverInstagramByPages, discoverPages, pageAsset } from './discover-pages.ts';
import { discoverWhatsapp } from './discover-whatsapp.ts';
import {
  asRefusal,
  type ConnectionWarning,
  type DiscoverAssets,
  type Discovered,
  type DiscoveryInput,
  NOTHING,
} from './discovery.ts';

/** The one account that an Instagram Login token speaks for, under the id that webhooks name. */
const ownInstagramAccount: DiscoverAssets = async (_, { inspection }): Promise<Discovered> => {
  const { userId: id, subjectName: name } = inspection;
  return { ...NOTHING, assets: [{ type: 'instagram_account', id, name, parentId: null, pageId: null }] };
};

const BY_PRODUCT: Readonly<Record<Product, DiscoverAssets>> = {
  pages: discoverPages,
  instagram: discoverInstagramByPages,
  ads: discoverAdAccounts,
  whatsapp: discoverWhatsapp,
  threads: async () => NOTHING,
};

const BY_KIND: Readonly<Partial<Record<CredentialKind, DiscoverAssets>>> = {
  instagram_user: ownInstagramAccount,
  threads_user: async () => NOTHING,
};

const REFUSED: ConnectionWarning = defineErrorCode('status_reason', {
  code: 'discovery_refused',
  detail: 'Meta did not let this token list what it reaches.',
  remedy: 'Connect again and grant everything that the dialog asks for, with an account that may manage the assets.',
});

/**
 * What a token reaches. A new product or kind is a row above. A token that may not list anything is a connection all the same,
 * with something to mend, and a Page's token reaches its Page; every other failure is a `MetaError`.
 */
export async function discoverAssets(product: Product, api: DiscoveryApi, input: DiscoveryInput): Promise<Discovered> {
  try {
    return await (BY_KIND[input.inspection.kind] ?? BY_PRODUCT[product])(api, input);
  } catch (error) {
    const refusal = asRefusal(error);
    if (refusal === null) throw error;
    const { kind, subjectId } = input.inspection;
    const assets = kind === 'page' ? [pageAsset(subjectId, null, false)] : [];
    return { ...NOTHING, assets, warning: { ...REFUSED, meta: refusal.cause } };
  }
}
