import type { Product, TokenKind } from '../../config/products.ts';
import type { DiscoverAssets } from '../discovery/discovery.ts';

/** A product as the page before the dialog names it to people who have never heard of its API. */
interface PlainWords {
  /** In the title of the page. */
  readonly title: string;
  /** After "connect". */
  readonly whatIsConnected: string;
  /** Each the end of "you share". */
  readonly whatIsShared: readonly string[];
}

/** What connecting does for a product. Its flows and scopes are in `meta/dialog/products.ts`. */
export interface ConnectProduct {
  readonly product: Product;
  readonly discover: DiscoverAssets;
  /** In place of `discover`, for root tokens that reach their assets in another way. */
  readonly discoverByKind: Readonly<Partial<Record<TokenKind, DiscoverAssets>>>;
  /** Whether its assets are phone numbers, which a pin registers. */
  readonly hasPhoneNumbers: boolean;
  readonly inPlainWords: PlainWords;
}
