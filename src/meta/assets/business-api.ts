import { Inject, Injectable } from '@nestjs/common';
import type { SecretString } from '../../platform/secret-string.ts';
import { GraphTransport } from '../graph/graph-transport.ts';
import { readId } from '../graph/lossless-json.ts';
import { paginate } from '../graph/paginate.ts';
import { readCall } from '../graph/read-call.ts';
import type { ValidInspection } from '../tokens/inspection-result.ts';

/** The scope that a portfolio's assets are listed with. Its targets are portfolios, never assets. */
const BUSINESS_SCOPE = 'business_management';

/** What Meta said of a token, as far as it says what the token may list. */
export type ListingToken = Pick<ValidInspection, 'kind' | 'granularScopes'> & { token: SecretString; scopes: string[] };

/** The business portfolios that a token reaches: `/me/accounts` and `/me/adaccounts` leave out what belongs to them. */
@Injectable()
export class BusinessApi {
  constructor(@Inject(GraphTransport) private readonly transport: GraphTransport) {}

  /**
   * Ids of portfolios, each once: those that the scope names, and those of the list. None where the scope was not granted. `onRefusal`
   * gets the refusal of the list, and may throw it.
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

/** What the granular scopes whose names begin so name, each once. A scope without targets holds for everything and names nothing. */
export function targetIds(
  { granularScopes }: Pick<ListingToken, 'granularScopes'>,
  prefixes: readonly string[],
): string[] {
  const named = granularScopes.filter(({ scope }) => prefixes.some((prefix) => scope.startsWith(prefix)));
  return [...new Set(named.flatMap((scope) => scope.targetIds ?? []))];
}
