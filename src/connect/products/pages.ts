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
      'the Facebook Pages that you choose, with their posts, comments and messages',
      'the right to post, comment and write messages in their name',
      'their statistics, and the name of your account',
    ],
  },
};
