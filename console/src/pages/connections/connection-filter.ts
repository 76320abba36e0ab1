import type { operations } from '../../../../clients/typescript/src/schema.ts';

export type ConnectionQuery = NonNullable<operations['listConnections']['parameters']['query']>;

export const PRODUCTS = ['whatsapp', 'instagram', 'ads', 'pages', 'threads'] as const;
export const STATUSES = ['active', 'reauth_required', 'revoked'] as const;

/** Parameters of the page's URL that narrow the list; the same as those of the API. */
export const FILTERS = ['q', 'tenant', 'product', 'status', 'health', 'reason', 'expires_before'] as const;
export type FilterName = (typeof FILTERS)[number];

const CONNECTION_ID = /^con_[0-9a-z]{26}$/;

/** Converts the filters in the page's URL to the API's query. Leaves out values that the API does not accept. */
export function toConnectionQuery(search: URLSearchParams): ConnectionQuery {
  const oneOf = <T extends string>(known: readonly T[], name: FilterName): T | undefined =>
    known.find((each) => each === search.get(name));
  const expiresBefore = search.get('expires_before') ?? '';
  const query = {
    q: search.get('q') || undefined,
    tenant: search.get('tenant') || undefined,
    product: oneOf(PRODUCTS, 'product'),
    status: oneOf(STATUSES, 'status'),
    health: oneOf(['healthy', 'expiring', 'invalid', 'unknown'] as const, 'health'),
    reason: (search.get('reason') as ConnectionQuery['reason']) || undefined,
    expires_before: Number.isNaN(Date.parse(expiresBefore)) ? undefined : new Date(expiresBefore).toISOString(),
  };
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined)) as ConnectionQuery;
}

/** The id of a connection, if the search text is one. */
export function searchedConnection(text: string): string | null {
  return CONNECTION_ID.test(text.trim()) ? text.trim() : null;
}
