import { discoverOwnPage, discoverPages } from '../discovery/discover-pages.ts';
import type { ConnectProduct } from './connect-product.ts';

export const PAGES: ConnectProduct = {
  product: 'pages',
  discover: discoverPages,
  discoverByKind: { page: discoverOwnPage },
  hasPhoneNumbers: false,
};
