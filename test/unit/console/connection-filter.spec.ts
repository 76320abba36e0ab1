import { describe, expect, it } from '@jest/globals';
import { searchedConnection, toConnectionQuery } from '../../../console/src/pages/connections/connection-filter.ts';

const queryOf = (address: string) => toConnectionQuery(new URLSearchParams(address));

describe('the filters in the address', () => {
  it('are those of the API', () => {
    expect(queryOf('q=bakery&tenant=acme&product=ads&status=active&health=expiring&reason=expired')).toEqual({
      q: 'bakery',
      tenant: 'acme',
      product: 'ads',
      status: 'active',
      health: 'expiring',
      reason: 'expired',
    });
  });

  it('take a day or an instant', () => {
    expect(queryOf('expires_before=2026-12-24')).toEqual({ expires_before: '2026-12-24T00:00:00.000Z' });
    expect(queryOf('expires_before=2026-12-24T10:00:00.000Z')).toEqual({ expires_before: '2026-12-24T10:00:00.000Z' });
  });

  it.each(['', 'q=&tenant=', 'product=fax&status=gone&health=fine', 'expires_before=soon', 'cursor=abc&other=1'])(
    'leave out what the API does not know: %j',
    (address) => {
      expect(queryOf(address)).toEqual({});
    },
  );
});

describe('a search for an id', () => {
  it('leads to the connection', () => {
    expect(searchedConnection(' con_01m8m34ev34g2wr6a6t6d9hmga ')).toBe('con_01m8m34ev34g2wr6a6t6d9hmga');
  });

  it.each(['bakery', '106540352242922', 'con_1', 'crd_01m8m34ev34g2wr6a6t6d9hmga'])('%s is none', (text) => {
    expect(searchedConnection(text)).toBeNull();
  });
});
