import type { operations } from '../../../../clients/typescript/src/schema.ts';

export type AuditQuery = NonNullable<operations['listAuditEntries']['parameters']['query']>;

/** Parameters of the page's address that narrow the record; the same that the API takes. */
export const AUDIT_FILTERS = ['action', 'client_id', 'connection_id', 'from', 'to'] as const;
export type AuditFilterName = (typeof AUDIT_FILTERS)[number];

/** Reads the filters of the page's address into the query of the API. A day means its beginning here. */
export function toAuditQuery(get: (name: AuditFilterName) => string): AuditQuery {
  const instant = (name: 'from' | 'to'): string | undefined => {
    const at = new Date(`${get(name).slice(0, 10)}T00:00`);
    return Number.isNaN(at.getTime()) ? undefined : at.toISOString();
  };
  const query: AuditQuery = {
    action: get('action') || undefined,
    client_id: get('client_id') || undefined,
    connection_id: get('connection_id') || undefined,
    from: instant('from'),
    to: instant('to'),
  };
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined));
}
