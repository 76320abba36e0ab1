import type { Product } from '../../config/products.ts';
import type { DiscoveryApi } from '../../meta/assets/discovery-api.ts';
import { asRefusal } from '../../meta/errors/refusal.ts';
import { tokenKind } from '../../meta/tokens/token-kinds.ts';
import { defineErrorCode } from '../../platform/error-code.ts';
import { ownPageAsset } from '../discovery/discover-pages.ts';
import { type ConnectionWarning, type Discovered, type DiscoveryInput, NOTHING } from '../discovery/discovery.ts';
import { connectProduct } from './products.ts';

const REFUSED: ConnectionWarning = defineErrorCode('status_reason', {
  code: 'discovery_refused',
  detail: 'Meta did not let this token list what it reaches.',
  remedy: 'Connect again and grant everything that the dialog asks for, with an account that may manage the assets.',
});

/**
 * What a token reaches. A token that may not list anything is a connection all the same, with a warning, and a Page's token reaches its
 * Page; every other failure is a `MetaError`.
 */
export async function discoverAssets(product: Product, api: DiscoveryApi, input: DiscoveryInput): Promise<Discovered> {
  const { kind, subjectId } = input.inspection;
  const { discover, discoverByKind } = connectProduct(product);
  try {
    return await (discoverByKind[kind] ?? discover)(api, input);
  } catch (error) {
    const refusal = asRefusal(error);
    if (refusal === null) throw error;
    const assets = tokenKind(kind).speaksForPage ? [ownPageAsset(subjectId, null)] : [];
    return { ...NOTHING, assets, warning: { ...REFUSED, meta: refusal.cause } };
  }
}
