import { TOKEN_KINDS, type TokenKind } from '../../../src/config/products.ts';
import { credentialKindRules } from '../../../src/connections/credentials/credential-kind-rules.ts';
import { tokenKind } from '../../../src/meta/tokens/token-kinds.ts';

describe('the rules for stored credentials', () => {
  it.each(TOKEN_KINDS)('agree with the facts about Meta for %s', (kind) => {
    const { isDerived, derivesPageTokens, alwaysExpires, minRefreshAgeSeconds, revocation, isRotatable } =
      tokenKind(kind);
    expect(credentialKindRules(kind)).toEqual({
      isDerived,
      derivesPageTokens,
      alwaysExpires,
      minRefreshAgeSeconds,
      isRevocable: revocation !== null,
      isRotatable,
    });
  });

  it('reject an unknown kind with a message', () => {
    expect(() => credentialKindRules('catalog_user' as TokenKind)).toThrow(
      '"catalog_user" is not a credential kind known to this release (user, page, system_user, instagram_user, threads_user).',
    );
  });
});
