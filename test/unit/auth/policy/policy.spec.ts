import { describe, expect, it } from '@jest/globals';
import type { Caller } from '../../../../src/auth/authenticated-client.ts';
import { covers, requireCovered, visibleProducts, visibleTenants } from '../../../../src/auth/policy/policy.ts';

const caller = (policy: Partial<Caller>): Caller => ({
  clientId: 'cli_x',
  name: 'x',
  role: 'service',
  tenants: ['*'],
  products: ['*'],
  leaseModes: ['gateway'],
  maxTtlSeconds: 3600,
  rateLimitPerSecond: null,
  ipAllowList: null,
  policyVersion: 1,
  keyHash: Buffer.alloc(32),
  ...policy,
});

const acmeAds = caller({ tenants: ['acme'], products: ['ads'] });

describe('a policy', () => {
  it('covers what it names and nothing else', () => {
    expect(covers(acmeAds, 'acme', 'ads')).toBe(true);
    expect(covers(acmeAds, 'acme', 'pages')).toBe(false);
    expect(covers(acmeAds, 'other', 'ads')).toBe(false);
    expect(covers(acmeAds, 'acme2', 'ads')).toBe(false);
    expect(covers(acmeAds, '*', 'ads')).toBe(false);
  });

  it('covers everything with *', () => {
    expect(covers(caller({}), 'any', 'threads')).toBe(true);
    expect(covers(caller({ products: ['ads'] }), 'any', 'threads')).toBe(false);
    expect(covers(caller({ tenants: ['acme'] }), 'acme', 'threads')).toBe(true);
  });

  it('refuses a named tenant or product outside of it, whichever of them is named', () => {
    expect(() => requireCovered(acmeAds, 'acme', 'ads')).not.toThrow();
    expect(() => requireCovered(acmeAds, 'acme', undefined)).not.toThrow();
    expect(() => requireCovered(acmeAds, undefined, 'ads')).not.toThrow();
    expect(() => requireCovered(acmeAds, undefined, undefined)).not.toThrow();
    for (const [tenant, product] of [
      ['other', undefined],
      [undefined, 'pages'],
      ['other', 'ads'],
      ['acme', 'pages'],
    ]) {
      expect(() => requireCovered(acmeAds, tenant, product)).toThrow('not_allowed');
    }
  });

  it('tells lists what to show', () => {
    expect(visibleTenants(acmeAds)).toEqual(['acme']);
    expect(visibleProducts(acmeAds)).toEqual(['ads']);
    expect(visibleTenants(caller({ tenants: ['acme', '*'] }))).toBeNull();
    expect(visibleProducts(caller({}))).toBeNull();
  });
});
