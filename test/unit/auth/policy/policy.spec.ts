import { describe, expect, it } from '@jest/globals';
import type { AuthenticatedClient } from '../../../../src/auth/authenticated-client.ts';
import {
  isCoveredByPolicy,
  requireCoveredByPolicy,
  visibleProducts,
  visibleTenants,
} from '../../../../src/auth/policy/policy.ts';

const client = (policy: Partial<AuthenticatedClient>): AuthenticatedClient => ({
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

const acmeAds = client({ tenants: ['acme'], products: ['ads'] });

describe('a policy', () => {
  it('covers what it names and nothing else', () => {
    expect(isCoveredByPolicy(acmeAds, 'acme', 'ads')).toBe(true);
    expect(isCoveredByPolicy(acmeAds, 'acme', 'pages')).toBe(false);
    expect(isCoveredByPolicy(acmeAds, 'other', 'ads')).toBe(false);
    expect(isCoveredByPolicy(acmeAds, 'acme2', 'ads')).toBe(false);
    expect(isCoveredByPolicy(acmeAds, '*', 'ads')).toBe(false);
  });

  it('covers everything with *', () => {
    expect(isCoveredByPolicy(client({}), 'any', 'threads')).toBe(true);
    expect(isCoveredByPolicy(client({ products: ['ads'] }), 'any', 'threads')).toBe(false);
    expect(isCoveredByPolicy(client({ tenants: ['acme'] }), 'acme', 'threads')).toBe(true);
  });

  it('refuses a tenant or product outside of it, whichever is named', () => {
    expect(() => requireCoveredByPolicy(acmeAds, 'acme', 'ads')).not.toThrow();
    expect(() => requireCoveredByPolicy(acmeAds, 'acme', undefined)).not.toThrow();
    expect(() => requireCoveredByPolicy(acmeAds, undefined, 'ads')).not.toThrow();
    expect(() => requireCoveredByPolicy(acmeAds, undefined, undefined)).not.toThrow();
    for (const [tenant, product] of [
      ['other', undefined],
      [undefined, 'pages'],
      ['other', 'ads'],
      ['acme', 'pages'],
    ]) {
      expect(() => requireCoveredByPolicy(acmeAds, tenant, product)).toThrow('not_allowed');
    }
  });

  it('says what lists may show', () => {
    expect(visibleTenants(acmeAds)).toEqual(['acme']);
    expect(visibleProducts(acmeAds)).toEqual(['ads']);
    expect(visibleTenants(client({ tenants: ['acme', '*'] }))).toBeNull();
    expect(visibleProducts(client({}))).toBeNull();
  });
});
