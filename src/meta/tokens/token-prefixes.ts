import type { TokenKind } from '../../config/products.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { tokenKinds } from './token-kinds.ts';

/** The prefixes of Meta's tokens. A hint only: for tokens in places where nothing else identifies them. */
export const TOKEN_PREFIXES: readonly string[] = [...new Set(tokenKinds().flatMap(({ prefixes }) => prefixes))];
/** What those begin with, as short as can be: fewer searches. */
export const TOKEN_PREFIX_FAMILIES: readonly string[] = [...new Set(tokenKinds().map((each) => each.prefixFamily))];

/** The kind that a token's beginning points to, where nothing else is known; `unknown` where it points to none. */
export function recognizeTokenKind(token: SecretString): TokenKind | 'unknown' {
  const text = token.expose();
  const found = tokenKinds().find(({ recognizedPrefixes }) => recognizedPrefixes.some((each) => text.startsWith(each)));
  return found?.kind ?? 'unknown';
}
