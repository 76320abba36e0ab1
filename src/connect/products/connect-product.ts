import type { Product, TokenKind } from '../../config/products.ts';
import type { DiscoverAssets } from '../discovery/discovery.ts';

/**
 * What connecting does for a product. Its flows and scopes are in `meta/dialog/products.ts`,
 * its words for customers in `customer-pages/messages/`.
 */
export interface ConnectProduct {
  readonly product: Product;
  readonly discover: DiscoverAssets;
  /** Replaces `discover` for root tokens that reach their assets differently. */
  readonly discoverByKind: Readonly<Partial<Record<TokenKind, DiscoverAssets>>>;
  /** Whether its assets are phone numbers, which are registered with a pin. */
  readonly hasPhoneNumbers: boolean;
}
