import type { Product, TokenKind } from '../../config/products.ts';
import type { DiscoverAssets } from '../discovery/discovery.ts';

/** How the page before the dialog names a product, for users who don't know its API. */
interface PlainWords {
  /** The page's title. */
  readonly title: string;
  /** Completes "connect …". */
  readonly whatIsConnected: string;
  /** Each completes "you share …". */
  readonly whatIsShared: readonly string[];
}

/** What connecting does for a product. Its flows and scopes are in `meta/dialog/products.ts`. */
export interface ConnectProduct {
  readonly product: Product;
  readonly discover: DiscoverAssets;
  /** Replaces `discover` for root tokens that reach their assets differently. */
  readonly discoverByKind: Readonly<Partial<Record<TokenKind, DiscoverAssets>>>;
  /** Whether its assets are phone numbers, which are registered with a pin. */
  readonly hasPhoneNumbers: boolean;
  readonly inPlainWords: PlainWords;
}
