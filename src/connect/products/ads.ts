import { discoverAdAccounts } from '../discovery/discover-ad-accounts.ts';
import type { ConnectProduct } from './connect-product.ts';

export const ADS: ConnectProduct = {
  product: 'ads',
  discover: discoverAdAccounts,
  discoverByKind: {},
  hasPhoneNumbers: false,
};
