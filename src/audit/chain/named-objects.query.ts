import sql from 'sql-template-tag';
import { decodeTime } from 'ulid';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { AuditedKind } from '../audited-objects.ts';
import { firstAuditIdAt } from './entry-id-time.ts';

/** How far the id of an entry may lie from the id of the subject that it names: both are made for one transaction. */
const TOLERANCE_MS = 60_000;

interface NamedRow {
  id: string;
}

/** LATERAL with a LIMIT makes Postgres use one look-up in the index per object. */
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

/** Subjects have no index: the time in the ids narrows the range on the primary key. */
const namedSubjects = defineStatement<
  { ids: readonly string[]; action: string; from: string; before: string },
  NamedRow
>(
  'audit_named_subjects',
  ({ ids, action, from, before }) => sql`SELECT DISTINCT e.subject_id AS id FROM audit_entry e
    WHERE e.id >= ${from} AND e.id < ${before} AND e.subject_id = ANY (${ids}::text[]) AND e.action = ${action}`,
);

/** Of which of these objects (their ids in order) there is the entry of their making. */
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

/** The time in an id of any prefix. */
function epochMsOf(id = ''): number {
  return decodeTime(id.slice(id.indexOf('_') + 1).toUpperCase());
}
