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
  inPlainWords: {
    title: 'Instagram',
    whatIsConnected: 'your Instagram account',
    whatIsShared: [
      'your Instagram account, with its posts, comments and messages',
      'permission to post, comment and send messages from it',
      'its statistics',
    ],
  },
};
