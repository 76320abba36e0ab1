import { NOTHING } from '../discovery/discovery.ts';
import type { ConnectProduct } from './connect-product.ts';

/** A Threads token covers its own account and has no other assets. */
export const THREADS: ConnectProduct = {
  product: 'threads',
  discover: async () => NOTHING,
  discoverByKind: {},
  hasPhoneNumbers: false,
};
