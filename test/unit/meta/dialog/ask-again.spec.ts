import { mustAskAgain } from '../../../../src/meta/dialog/ask-again.ts';

it.each([
  ['facebook_login', { exist: false, haveDeclinedScopes: false }, false],
  ['facebook_login', { exist: true, haveDeclinedScopes: false }, true],
  ['facebook_login', { exist: true, haveDeclinedScopes: true }, true],
  // Embedded Signup always offers the choice, and asks again only for declined scopes.
  ['embedded_signup', { exist: true, haveDeclinedScopes: false }, false],
  ['embedded_signup', { exist: true, haveDeclinedScopes: true }, true],
] as const)('%s after %j asks again: %s', (flow, earlier, expected) => {
  expect(mustAskAgain(flow, earlier)).toBe(expected);
});
