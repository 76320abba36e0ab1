import { describe, expect, it } from '@jest/globals';
import type { ConsoleOidcConfig } from '../../../../src/config/config.ts';
import { type Claims, checkRoles, nameOf, toEntitlement } from '../../../../src/console/openid/claims-mapping.ts';

const CONFIG: ConsoleOidcConfig = {
  issuer: 'https://id.example',
  name: 'id.example',
  clientId: 'metavault',
  clientSecret: null,
  scope: 'openid',
  roleClaim: 'groups',
  roles: [
    { role: 'admin', value: 'vault-admins' },
    { role: 'auditor', value: 'support' },
  ],
  tenantsClaim: 'tenants',
  sessionSeconds: 3600,
};

const entitle = (claims: Claims, changes: Partial<ConsoleOidcConfig> = {}) =>
  toEntitlement({ ...CONFIG, ...changes }, claims, 'ada');

describe('the role', () => {
  it('is that of the first mapping that fits', () => {
    expect(entitle({ groups: ['support', 'vault-admins'] })).toEqual({ role: 'admin', tenants: ['*'] });
    expect(entitle({ groups: 'support', tenants: ['acme'] })).toEqual({ role: 'auditor', tenants: ['acme'] });
  });

  it('may stand in a claim within a claim, or in one whose name has dots', () => {
    const claims = { realm_access: { roles: ['vault-admins'] }, 'https://id.example/roles': ['vault-admins'] };
    for (const roleClaim of ['realm_access.roles', 'https://id.example/roles'])
      expect(entitle(claims, { roleClaim }).role).toBe('admin');
  });

  it.each([
    {},
    { groups: [] },
    { groups: ['staff'] },
    { groups: { 0: 'vault-admins' } },
    { groups: [{ name: 'support' }] },
  ])('is none without a value that fits: %j', (claims) => {
    expect(() => entitle(claims)).toThrow('role_missing');
  });

  it('is no role of programs', () => {
    const roles = [{ role: 'service', value: 'support' }];
    expect(() => checkRoles({ ...CONFIG, roles })).toThrow('CONSOLE_OIDC_ROLES');
    expect(() => entitle({ groups: 'support' }, { roles })).toThrow('role_missing');
    expect(() => checkRoles(CONFIG)).not.toThrow();
  });
});

describe('the tenants', () => {
  it('are all where no claim is set, or for an admin without any', () => {
    expect(entitle({ groups: 'support' }, { tenantsClaim: null }).tenants).toEqual(['*']);
    expect(entitle({ groups: 'vault-admins' }).tenants).toEqual(['*']);
    expect(entitle({ groups: 'vault-admins', tenants: ['acme'] }).tenants).toEqual(['acme']);
  });

  it('are none for an auditor whose claim has no tenant', () => {
    for (const tenants of [undefined, [], ['not a tenant'], 7])
      expect(() => entitle({ groups: 'support', tenants })).toThrow('tenants_missing');
  });
});

describe('a tenant_admin', () => {
  it('has tenants that are named, not all', () => {
    const roles = [{ role: 'tenant_admin', value: 'support' }];
    expect(entitle({ groups: 'support', tenants: ['acme'] }, { roles })).toEqual({
      role: 'tenant_admin',
      tenants: ['acme'],
    });
    expect(() => entitle({ groups: 'support', tenants: ['*'] }, { roles })).toThrow('tenants_missing');
    expect(() => entitle({ groups: 'support' }, { roles, tenantsClaim: null })).toThrow('tenants_missing');
  });
});

describe('the name', () => {
  it('is the best that the provider tells, in one line', () => {
    expect(nameOf({ name: 'Ada\nLovelace', email: 'ada@example.com' }, 'sub')).toBe('Ada Lovelace');
    expect(nameOf({ name: ' ', email: 'ada@example.com' }, 'sub')).toBe('ada@example.com');
    expect(nameOf({}, 'sub')).toBe('sub');
  });
});
