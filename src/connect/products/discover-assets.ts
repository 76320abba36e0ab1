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
  detail: 'Meta did not let this token list its assets.',
  remedy: 'Connect again with an account that can manage the assets, and grant everything the dialog asks for.',
});

/**
 * Discovers what a token reaches. If Meta refuses all lists, the connection is made with a warning, and a page token
 * still reaches its Page. Throws any other `MetaError`.
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
