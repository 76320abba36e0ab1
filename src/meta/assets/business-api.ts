import type { SecretString } from '../../platform/secret-string.ts';
import type { GraphTransport } from '../graph/graph-transport.ts';
import { readId } from '../graph/lossless-json.ts';
import { paginate } from '../graph/paginate.ts';
import { readCall } from '../graph/read-call.ts';
import type { ValidInspection } from '../tokens/inspection-result.ts';

/** Scope for listing a portfolio's assets. Its targets are portfolios, never assets. */
const BUSINESS_SCOPE = 'business_management';

/** A token, and what inspection says it may list. */
export type ListingToken = Pick<ValidInspection, 'kind' | 'granularScopes'> & { token: SecretString; scopes: string[] };

/**
 * Lists the business portfolios that a token reaches: `/me/accounts` and `/me/adaccounts` leave out their assets
 * (docs/meta-facts.md#pages-of-a-portfolio).
 */
export class BusinessApi {
  constructor(private readonly transport: GraphTransport) {}

  /**
   * Yields portfolio ids, once each, from the scope's targets and from `/me/businesses`; none without the scope.
   * If Meta refuses the list, `onRefusal` gets the error and may throw it.
   */
  async *listBusinessIds(
    { token, scopes, granularScopes }: ListingToken,
    onRefusal: (error: unknown) => void,
  ): AsyncGenerator<string, void, undefined> {
    const targets = targetIds({ granularScopes }, [BUSINESS_SCOPE]);
    if (!scopes.includes(BUSINESS_SCOPE) && !granularScopes.some(({ scope }) => scope === BUSINESS_SCOPE)) return;
    const seen = new Set(targets);
    yield* targets;
    const call = readCall(this.transport, 'list_businesses', '/me/businesses', token, { fields: 'id', limit: '100' });
    try {
      for await (const item of paginate(this.transport, call)) {
        const id = readId(item, 'id');
        if (id === null || seen.has(id)) continue;
        seen.add(id);
        yield id;
      }
    } catch (error) {
      onRefusal(error);
    }
  }
}

/**
 * Returns the distinct targets of granular scopes with one of these prefixes. A scope without targets covers
 * everything.
 */
export function targetIds(
  { granularScopes }: Pick<ListingToken, 'granularScopes'>,
  prefixes: readonly string[],
): string[] {
  const named = granularScopes.filter(({ scope }) => prefixes.some((prefix) => scope.startsWith(prefix)));
  return [...new Set(named.flatMap((scope) => scope.targetIds ?? []))];
}
