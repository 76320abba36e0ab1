import { NOTHING } from '../discovery/discovery.ts';
import type { ConnectProduct } from './connect-product.ts';

/** A Threads token speaks for its own account and has no assets besides. */
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
      'the right to post and reply in its name',
      'its statistics',
    ],
  },
};
