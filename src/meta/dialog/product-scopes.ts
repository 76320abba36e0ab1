import type { Flow, Product, TokenKind } from '../../config/products.ts';
import type { TokenHostName } from '../graph/graph-host.ts';
import { tokenKind } from '../tokens/token-kinds.ts';
import { loginFlow } from './login-flows.ts';
import { type ProductScopes, productDescriptor } from './products.ts';

/** Returns the scopes that a flow requests. An import counts as the product's main login. */
export function scopesOf(product: Product, flow: Flow): ProductScopes {
  return scopesAt(product, loginFlow(flow).tokenHost);
}

/** Scopes requested when the client names none: required first, then optional. */
export function defaultScopes(product: Product, flow: Flow): string[] {
  const { required, optional } = scopesOf(product, flow);
  return [...required, ...optional];
}

/**
 * Returns the required scopes missing from `granted`. `ads_management` permits what `ads_read` does, but Meta grants
 * them separately, so both must be present. If all are missing from a product that tokens reach without scopes,
 * returns none.
 */
export function missingScopes(product: Product, flow: Flow, granted: readonly string[]): string[] {
  return missing(product, scopesOf(product, flow), granted);
}

/**
 * Like `missingScopes`, by token kind. Returns none if scopes are unknown: Instagram and Threads do not report them.
 */
export function missingScopesOfToken(product: Product, kind: TokenKind, granted: readonly string[]): string[] {
  return granted.length === 0 ? [] : missing(product, scopesAt(product, tokenKind(kind).host), granted);
}

/** Returns the possible kinds of the root credential. Inspection shows which one it is. */
export function expectedTokenKinds(product: Product, flow: Flow): readonly TokenKind[] {
  return loginFlow(flow).tokenKinds ?? productDescriptor(product).importedKinds;
}

function scopesAt(product: Product, host: TokenHostName | null): ProductScopes {
  const { scopes, mainFlow } = productDescriptor(product);
  const found = (host === null ? undefined : scopes[host]) ?? scopes[loginFlow(mainFlow).tokenHost ?? 'facebook'];
  if (found === undefined) throw new Error(`The descriptor of ${product} lacks the scopes of its main flow.`);
  return found;
}

function missing(product: Product, { required }: ProductScopes, granted: readonly string[]): string[] {
  const held = new Set(granted);
  const lacking = required.filter((scope) => !held.has(scope));
  return lacking.length === required.length && productDescriptor(product).isReachedWithoutScopes ? [] : lacking;
}
