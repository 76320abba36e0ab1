import { describe, expect, it } from '@jest/globals';
import { type CoveredSubscription, SUBSCRIPTION_MAC } from '../../../../src/events/subscriptions/subscription-mac.ts';

const ROW: CoveredSubscription = {
  id: 'sub_1',
  url: 'https://subscriber.example/hooks',
  events: ['connection.created'],
  tenants: ['acme'],
  products: null,
  status: 'paused',
};

/** Other values, with another meaning, for each column. */
const CHANGES: { readonly [K in keyof CoveredSubscription]: readonly CoveredSubscription[K][] } = {
  id: ['sub_2'],
  url: ['https://evil.example/', ''],
  events: [[], ['connection.created', 'connection.revoked']],
  tenants: [null, [], ['acme', 'other']],
  products: [[], ['pages']],
  status: ['active', 'ended', 'deleted'],
};

describe('the MAC of a subscription', () => {
  it('covers where its events go, which ones, and whether', () => {
    const texts = new Set([SUBSCRIPTION_MAC.encode(ROW)]);
    let count = 1;
    for (const [column, values] of Object.entries(CHANGES)) {
      for (const value of values) {
        texts.add(SUBSCRIPTION_MAC.encode({ ...ROW, [column]: value }));
        count++;
      }
    }
    expect(texts.size).toBe(count);
  });
});
