import { TOKEN_KINDS, type TokenKind } from '../../../../src/config/products.ts';
import { tokenKind, tokenKinds } from '../../../../src/meta/tokens/token-kinds.ts';
import {
  recognizeTokenKind,
  TOKEN_PREFIX_FAMILIES,
  TOKEN_PREFIXES,
} from '../../../../src/meta/tokens/token-prefixes.ts';
import { SecretString } from '../../../../src/platform/secret-string.ts';

describe('the table of token kinds', () => {
  it.each([
    ['user', 'facebook', 'fb_exchange_token', 'always', 'fb_exchange_token', 0, false],
    ['page', 'facebook', null, null, null, 0, false],
    ['system_user', 'facebook', 'fb_exchange_token', 'never', 'fb_exchange_token', 0, false],
    ['instagram_user', 'instagram', 'ig_exchange_token', 'after_code', 'ig_refresh_token', 86_400, true],
    ['threads_user', 'threads', 'th_exchange_token', 'after_code', 'th_refresh_token', 86_400, true],
  ] as const)('says of %s where it works and how it is refreshed', (kind, host, exchange, when, refresh, age, ends) => {
    const descriptor = tokenKind(kind);
    expect(descriptor.host).toBe(host);
    expect(descriptor.exchange?.grant.grantType ?? null).toBe(exchange);
    expect(descriptor.exchange?.when ?? null).toBe(when);
    expect(descriptor.refresh?.grantType ?? null).toBe(refresh);
    expect(descriptor.minRefreshAgeSeconds).toBe(age);
    expect(descriptor.alwaysExpires).toBe(ends);
  });

  it.each([
    ['user', 'debug_token', null, 'USER', 'grant'],
    ['page', 'debug_token', null, 'PAGE', null],
    ['system_user', 'debug_token', null, 'SYSTEM_USER', 'token'],
    ['instagram_user', 'me', 'id,user_id,username', null, null],
    ['threads_user', 'debug_token', 'id,username', null, null],
  ] as const)('says of %s how it is inspected and revoked', (kind, by, meFields, type, revocation) => {
    const descriptor = tokenKind(kind);
    expect(descriptor.inspection).toEqual({ by, meFields });
    expect(descriptor.debugTokenType).toBe(type);
    expect(descriptor.revocation).toBe(revocation);
  });

  it.each([
    ['isRotatable', ['system_user']],
    ['isDerived', ['page']],
    ['derivesPageTokens', ['user', 'system_user']],
    ['hasAssignedAssets', ['system_user']],
    ['speaksForPage', ['page']],
    ['reportsDataAccess', ['user', 'page', 'system_user']],
    ['listsPermissions', ['user']],
    ['isNamedByMe', ['user', 'page', 'system_user']],
    ['mayHaveClientBusiness', ['system_user']],
  ] as const)('gives %s to these kinds only', (fact, kinds) => {
    expect(tokenKinds().flatMap((each) => (each[fact] ? [each.kind] : []))).toEqual(kinds);
  });

  it('lists every kind under its own name, with stable metric labels', () => {
    expect(tokenKinds().map(({ kind }) => kind)).toEqual(TOKEN_KINDS);
    expect(tokenKinds().map(({ refresh }) => refresh?.operation)).toEqual([
      'renew_user',
      undefined,
      'renew_system_user',
      'renew_instagram_user',
      'renew_threads_user',
    ]);
    for (const { exchange } of tokenKinds())
      if (exchange !== null) expect(exchange.grant.operation).toBe('exchange_long_lived');
  });

  it.each(['catalog_user', '', 'toString', '__proto__'])('rejects the kind %j with a message', (kind) => {
    expect(() => tokenKind(kind as TokenKind)).toThrow(
      `Unknown kind of token ${JSON.stringify(kind)}: this release knows user, page, system_user, instagram_user, threads_user.`,
    );
  });
});

describe('prefixes', () => {
  it('are the known ones', () => {
    expect(TOKEN_PREFIXES).toEqual(['EAA', 'IGAA', 'IGQV', 'THAA', 'THQV']);
    expect(TOKEN_PREFIX_FAMILIES).toEqual(['EAA', 'IG', 'TH']);
    for (const { prefixes, prefixFamily } of tokenKinds())
      for (const prefix of prefixes) expect(prefix.startsWith(prefixFamily)).toBe(true);
  });

  it.each([
    ['EAAx', 'unknown'],
    ['IGAAx', 'instagram_user'],
    ['IGQVx', 'instagram_user'],
    ['IGXX', 'unknown'],
    ['THAAx', 'threads_user'],
    ['TH-new', 'threads_user'],
    ['', 'unknown'],
  ])('point from %j to %s', (token, kind) => {
    expect(recognizeTokenKind(new SecretString(token))).toBe(kind);
  });
});
