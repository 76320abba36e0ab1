import type { operations } from '../../../../clients/typescript/src/schema.ts';

export type AuditQuery = NonNullable<operations['listAuditEntries']['parameters']['query']>;

/** Parameters of the page's URL that narrow the record; the same as those of the API. */
export const AUDIT_FILTERS = ['action', 'client_id', 'connection_id', 'from', 'to'] as const;
export type AuditFilterName = (typeof AUDIT_FILTERS)[number];

/** Converts the filters in the page's URL to the API's query. A day means its beginning in the viewer's zone. */
export function toAuditQuery(get: (name: AuditFilterName) => string): AuditQuery {
  const textOf = (name: AuditFilterName): string => {
    if (name !== 'from' && name !== 'to') return get(name);
    const at = new Date(`${get(name).slice(0, 10)}T00:00`);
    return Number.isNaN(at.getTime()) ? '' : at.toISOString();
  };
  return Object.fromEntries(AUDIT_FILTERS.map((name) => [name, textOf(name)]).filter(([, value]) => value !== ''));
}
