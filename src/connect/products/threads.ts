import { NOTHING } from '../discovery/discovery.ts';
import type { ConnectProduct } from './connect-product.ts';

/** A Threads token covers its own account and has no other assets. */
export const THREADS: ConnectProduct = {
  product: 'threads',
  discover: async () => NOTHING,
  discoverByKind: {},
  hasPhoneNumbers: false,
  inPlainWords: {
    title: 'Threads',
    whatIsConnected: 'your Threads account',
    whatIsShared: [
      'your Threads profile, with its posts and replies',
      'permission to post and reply from it',
      'its statistics',
    ],
  },
};
