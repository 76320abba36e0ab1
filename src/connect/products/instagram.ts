import {
  discoverInstagramByPages,
  discoverInstagramOfPage,
  discoverOwnInstagramAccount,
} from '../discovery/discover-instagram.ts';
import type { ConnectProduct } from './connect-product.ts';

export const INSTAGRAM: ConnectProduct = {
  product: 'instagram',
  discover: discoverInstagramByPages,
  discoverByKind: { page: discoverInstagramOfPage, instagram_user: discoverOwnInstagramAccount },
  hasPhoneNumbers: false,
};
