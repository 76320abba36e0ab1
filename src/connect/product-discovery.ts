import type { Product } from '../config/config.ts';
import type { CredentialKind } from '../connections/credential-kind.ts';
import type { DiscoveryApi } from '../meta/discovery-api.ts';
import { discoverAdAccounts } from './discover-ads.ts';
import { discoverInstagramByPages, discoverPages } from './discover-pages.ts';
import { discoverWhatsapp } from './discover-whatsapp.ts';
import { type Discover, type Discovered, type DiscoveryInput, NOTHING } from './discovery.ts';

/** The one account that an Instagram Login token speaks for, under the id that webhooks name. */
const ownInstagramAccount: Discover = async (_, { inspection }): Promise<Discovered> => {
  const { userId: id, subjectName: name } = inspection;
  return { ...NOTHING, assets: [{ type: 'instagram_account', id, name, parentId: null, pageId: null }] };
};

const BY_PRODUCT: Readonly<Record<Product, Discover>> = {
  pages: discoverPages,
  instagram: discoverInstagramByPages,
  ads: discoverAdAccounts,
  whatsapp: discoverWhatsapp,
  threads: async () => NOTHING,
};

const BY_KIND: Readonly<Partial<Record<CredentialKind, Discover>>> = {
  instagram_user: ownInstagramAccount,
  threads_user: async () => NOTHING,
};

/** What a token reaches. A new product or kind is a row above. Throws `MetaError`. */
export function discover(product: Product, api: DiscoveryApi, input: DiscoveryInput): Promise<Discovered> {
  return (BY_KIND[input.inspection.kind] ?? BY_PRODUCT[product])(api, input);
}
