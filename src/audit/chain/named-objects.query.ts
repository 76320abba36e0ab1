import sql from 'sql-template-tag';
import { decodeTime } from 'ulid';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { AuditedKind } from '../audited-objects.ts';
import { firstAuditIdAt } from './entry-id-time.ts';

/** Maximum time between an entry's id and its subject's, which are created for the same transaction. */
const TOLERANCE_MS = 60_000;

interface NamedRow {
  id: string;
}

/** LATERAL with a LIMIT forces one index lookup per object. */
const namedConnections = defineStatement<{ ids: readonly string[]; action: string }, NamedRow>(
  'audit_named_connections',
  ({ ids, action }) => sql`SELECT o.id FROM unnest(${ids}::text[]) AS o (id) CROSS JOIN LATERAL (
    SELECT 1 FROM audit_entry e WHERE e.connection_id = o.id AND e.action = ${action} LIMIT 1) named`,
);

const namedClients = defineStatement<{ ids: readonly string[]; action: string }, NamedRow>(
  'audit_named_clients',
  ({ ids, action }) => sql`SELECT o.id FROM unnest(${ids}::text[]) AS o (id) CROSS JOIN LATERAL (
    SELECT 1 FROM audit_entry e WHERE e.subject_id = o.id AND e.action LIKE 'client.%' AND e.action = ${action} LIMIT 1) named`,
);

/** There is no index on subjects, so the time in the ids narrows the range on the primary key. */
const namedSubjects = defineStatement<
  { ids: readonly string[]; action: string; from: string; before: string },
  NamedRow
>(
  'audit_named_subjects',
  ({ ids, action, from, before }) => sql`SELECT DISTINCT e.subject_id AS id FROM audit_entry e
    WHERE e.id >= ${from} AND e.id < ${before} AND e.subject_id = ANY (${ids}::text[]) AND e.action = ${action}`,
);

/** Returns the ids whose creation is recorded. `ids` are in order. */
export async function findNamedObjects(
  executor: SqlExecutor,
  { namedAs, action }: Pick<AuditedKind, 'namedAs' | 'action'>,
  ids: readonly string[],
): Promise<Set<string>> {
  const rows = await executor.rows(
    namedAs === 'connection'
      ? namedConnections({ ids, action })
      : namedAs === 'client'
        ? namedClients({ ids, action })
        : namedSubjects({ ids, action, ...entryRange(ids) }),
  );
  return new Set(rows.map(({ id }) => id));
}

function entryRange(ids: readonly string[]): { from: string; before: string } {
  const from = firstAuditIdAt(epochMsOf(ids[0]) - TOLERANCE_MS);
  return { from, before: firstAuditIdAt(epochMsOf(ids.at(-1)) + TOLERANCE_MS) };
}

/** Returns the time in an id, whatever its prefix. */
function epochMsOf(id = ''): number {
  return decodeTime(id.slice(id.indexOf('_') + 1).toUpperCase());
}
