import type { Flow, Product, TokenKind } from '../../config/products.ts';
import type { TokenHostName } from '../graph/graph-host.ts';
import { tokenKind } from '../tokens/token-kinds.ts';
import { loginFlow } from './login-flows.ts';
import { type ProductScopes, productDescriptor } from './products.ts';

/** What the flow asks for. An import counts as the product's main login. */
export function scopesOf(product: Product, flow: Flow): ProductScopes {
  return scopesAt(product, loginFlow(flow).tokenHost);
}

/** What the dialog asks for when the client names no scopes: the required ones, then the optional ones. */
export function defaultScopes(product: Product, flow: Flow): string[] {
  const { required, optional } = scopesOf(product, flow);
  return [...required, ...optional];
}

/**
 * Required scopes that are not among `granted`. `ads_management` covers `ads_read` in what it permits, but Meta grants them one by one,
 * so both are looked for. None where a token without any of them may reach the product's assets all the same.
 */
export function missingScopes(product: Product, flow: Flow, granted: readonly string[]): string[] {
  return missing(product, scopesOf(product, flow), granted);
}

/** The same of a token, by its kind; none where its scopes are not known: the hosts of Instagram and Threads do not report them. */
export function missingScopesOfToken(product: Product, kind: TokenKind, granted: readonly string[]): string[] {
  return granted.length === 0 ? [] : missing(product, scopesAt(product, tokenKind(kind).host), granted);
}

/** The kinds that the root credential of such a connection can have; inspection reports which it is. */
export function expectedTokenKinds(product: Product, flow: Flow): readonly TokenKind[] {
  return loginFlow(flow).tokenKinds ?? productDescriptor(product).importedKinds;
}

function scopesAt(product: Product, host: TokenHostName | null): ProductScopes {
  const { scopes, mainFlow } = productDescriptor(product);
  const found = (host === null ? undefined : scopes[host]) ?? scopes[loginFlow(mainFlow).tokenHost ?? 'facebook'];
  if (found === undefined) throw new Error(`The scopes of ${product}'s main flow are not in its descriptor.`);
  return found;
}

function missing(product: Product, { required }: ProductScopes, granted: readonly string[]): string[] {
  const held = new Set(granted);
  const lacking = required.filter((scope) => !held.has(scope));
  return lacking.length === required.length && productDescriptor(product).isReachedWithoutScopes ? [] : lacking;
}
