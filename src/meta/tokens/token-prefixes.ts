import type { TokenKind } from '../../config/products.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { tokenKinds } from './token-kinds.ts';

/**
 * Prefixes of Meta's tokens, to spot tokens that nothing else identifies. A hint only
 * (docs/meta-facts.md#length-and-prefixes).
 */
export const TOKEN_PREFIXES: readonly string[] = [...new Set(tokenKinds().flatMap(({ prefixes }) => prefixes))];
/** The shortest common prefixes, for fewer searches. */
export const TOKEN_PREFIX_FAMILIES: readonly string[] = [...new Set(tokenKinds().map((each) => each.prefixFamily))];

/** Guesses a token's kind from its prefix, or returns `unknown`. */
export function recognizeTokenKind(token: SecretString): TokenKind | 'unknown' {
  const text = token.expose();
  const found = tokenKinds().find(({ recognizedPrefixes }) => recognizedPrefixes.some((each) => text.startsWith(each)));
  return found?.kind ?? 'unknown';
}
