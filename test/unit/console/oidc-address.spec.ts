import { expect, it } from '@jest/globals';
import { oidcAddress, pagePath } from '../../../console/src/session/oidc-address.ts';

const path = (location: string, search: string): string => pagePath(location, new URLSearchParams(search));

it('leads back to the page with its filters, without what a failed sign-in added', () => {
  expect(path('/connections', 'status=active&sign_in_error=role_missing')).toBe('/connections?status=active');
  expect(path('/connections', 'sign_in_error=role_missing')).toBe('/connections');
  expect(path('/', '')).toBe('/');
});

it('leads back to the page alone if its filters are longer than the service takes', () => {
  expect(path('/connections', `q=${'x'.repeat(500)}`)).toBe('/connections');
});

it('asks for a fresh sign-in by a parameter of its own', () => {
  expect(oidcAddress('', '/', true)).toBe(
    `/console/sign-in/oidc?return_to=${encodeURIComponent('/console')}&fresh=true`,
  );
  expect(oidcAddress('', '/connections?status=active', false)).toBe(
    `/console/sign-in/oidc?return_to=${encodeURIComponent('/console/connections?status=active')}`,
  );
});
