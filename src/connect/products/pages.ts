import { discoverOwnPage, discoverPages } from '../discovery/discover-pages.ts';
import type { ConnectProduct } from './connect-product.ts';

export const PAGES: ConnectProduct = {
  product: 'pages',
  discover: discoverPages,
  discoverByKind: { page: discoverOwnPage },
  hasPhoneNumbers: false,
  inPlainWords: {
    title: 'Facebook Pages',
    whatIsConnected: 'your Facebook Pages',
    whatIsShared: [
      'the Facebook Pages you choose, with their posts, comments and messages',
      'permission to post, comment and send messages as these Pages',
      'their insights and your account name',
    ],
  },
};
