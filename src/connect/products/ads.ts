import { discoverAdAccounts } from '../discovery/discover-ad-accounts.ts';
import type { ConnectProduct } from './connect-product.ts';

export const ADS: ConnectProduct = {
  product: 'ads',
  discover: discoverAdAccounts,
  discoverByKind: {},
  hasPhoneNumbers: false,
  inPlainWords: {
    title: 'ad accounts',
    whatIsConnected: 'your ad accounts',
    whatIsShared: [
      'your ad accounts, with permission to change their campaigns, ads and budgets',
      'the results and cost of your ads',
      'your account name',
    ],
  },
};
