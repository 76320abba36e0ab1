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
      'your ad accounts, with their campaigns, ads and budgets, which can be changed',
      'the results and costs of your ads',
      'the name of your account',
    ],
  },
};
