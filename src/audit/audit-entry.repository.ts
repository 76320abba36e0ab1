import sql, { type Sql } from 'sql-template-tag';
import { IS_INTERFERED_WITH } from '../database/interference.query.ts';
import { defineStatement, type SqlExecutor } from '../database/statement.ts';
import type { Id } from '../platform/ids.ts';
import type { Actor } from './actor.ts';
import type { AuditAction } from './audit-action.ts';
import type { AuditEntryId } from './ids.ts';

const COLUMNS = sql`id, at, action, actor_kind, actor_id, tenant, product, connection_id, subject_id, request_id, details`;

/** Every column of `audit_entry e` as text, independent of session settings. Covered by the link's MAC. */
export const ENTRY_FIELDS = sql`ARRAY[e.id, to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), e.action, e.actor_kind, e.actor_id,
  e.tenant, e.product, e.connection_id, e.subject_id, e.request_id, e.details::text]`;

/**
 * The same bytes as `encodeFields` of the columns: Postgres' binary form of an array is a header of 20 bytes, then
 * length (-1 for NULL) and text of each element.
 */
export const ENTRY_BYTES = sql`substr(array_send(${ENTRY_FIELDS}), 21)`;

/**
 * SHA-256 of all columns of `audit_entry e`. The text of an array quotes elements and tells NULL from 'NULL', so
 * different entries hash differently. Writing and verifying share this expression, so no second encoding has to match
 * Postgres.
 */
export const ENTRY_DIGEST = sql`sha256(convert_to((${ENTRY_FIELDS})::text, 'UTF8'))`;

/** A sound MAC despite the key prefix: the input is always 64 bytes, which rules out length extension. */
const MAC = sql`sha256(e.entry_key || ${ENTRY_DIGEST})`;

/**
 * Returns a statement that inserts entries, for use in other statements. `rows` selects one row per entry: id, at
 * (timestamptz), action, actor_kind, actor_id, tenant, product, connection_id, subject_id, request_id, details (json),
 * entry key (bytea). It returns `id` and `subject_id` of the inserted entries. Dependent rows must come from these,
 * because a trigger may swallow an entry.
 */
export function insertEntriesSql(rows: Sql): Sql {
  return sql`INSERT INTO audit_entry (${COLUMNS}, mac)
    SELECT ${COLUMNS}, ${MAC}
    FROM (${rows}) AS e (${COLUMNS}, entry_key)
    RETURNING id, subject_id`;
}

export interface InsertedAuditEntry {
  id: AuditEntryId;
  at: Date;
  action: AuditAction;
  actorKind: Actor['kind'];
  actorId: string | null;
  tenant: string | null;
  product: string | null;
  connectionId: Id<'con'> | null;
  subjectId: string | null;
  requestId: string | null;
  /** JSON. */
  details: string;
  entryKey: Buffer;
}

const insertStatement = defineStatement<InsertedAuditEntry, { inserted: number; is_interfered_with: boolean }>(
  'audit_record',
  (entry) =>
    sql`WITH inserted AS (${insertEntriesSql(sql`SELECT ${entry.id}::text, ${entry.at}::timestamptz, ${entry.action}::text, ${entry.actorKind}::text,
      ${entry.actorId}::text, ${entry.tenant}::text, ${entry.product}::text, ${entry.connectionId}::text, ${entry.subjectId}::text,
      ${entry.requestId}::text, ${entry.details}::json, ${entry.entryKey}::bytea`)})
      SELECT count(*)::integer AS inserted, ${IS_INTERFERED_WITH} AS is_interfered_with FROM inserted`,
  { prepare: true },
);

/** One array per column. */
type InsertedColumns = { [K in keyof Omit<InsertedAuditEntry, 'at'>]: InsertedAuditEntry[K][] };

const insertManyStatement = defineStatement<
  { at: Date; columns: InsertedColumns },
  { inserted: number; is_interfered_with: boolean }
>(
  'audit_record_all',
  ({ at, columns: of }) =>
    sql`WITH inserted AS (${insertEntriesSql(sql`SELECT n.id, ${at}::timestamptz, n.action, n.actor_kind, n.actor_id, n.tenant, n.product,
        n.connection_id, n.subject_id, n.request_id, n.details::json, n.entry_key
      FROM unnest(${of.id}::text[], ${of.action}::text[], ${of.actorKind}::text[], ${of.actorId}::text[], ${of.tenant}::text[],
        ${of.product}::text[], ${of.connectionId}::text[], ${of.subjectId}::text[], ${of.requestId}::text[], ${of.details}::text[],
        ${of.entryKey}::bytea[])
      AS n (id, action, actor_kind, actor_id, tenant, product, connection_id, subject_id, request_id, details, entry_key)`)})
      SELECT count(*)::integer AS inserted, ${IS_INTERFERED_WITH} AS is_interfered_with FROM inserted`,
  { prepare: true },
);

/** An entry's MAC and the digest that it signs. */
export interface EntryProof {
  id: AuditEntryId;
  digest: Buffer;
  mac: Buffer | null;
}

const selectProofs = defineStatement<{ ids: readonly AuditEntryId[] }, EntryProof>(
  'audit_entry_proofs',
  ({ ids }) => sql`SELECT e.id, ${ENTRY_DIGEST} AS digest, e.mac FROM audit_entry e WHERE e.id = ANY (${ids}::text[])`,
);

/** `isInterferedWith`: triggers or rules exist, so the entries must be read back. */
export interface InsertedCount {
  inserted: number;
  isInterferedWith: boolean;
}

export async function insertAuditEntry(executor: SqlExecutor, entry: InsertedAuditEntry): Promise<InsertedCount> {
  const [row] = await executor.rows(insertStatement(entry));
  return { inserted: row?.inserted ?? 0, isInterferedWith: row?.is_interfered_with !== false };
}

/** Inserts entries with the same `at` in one statement. */
export async function insertAuditEntries(
  executor: SqlExecutor,
  at: Date,
  entries: readonly InsertedAuditEntry[],
): Promise<InsertedCount> {
  const [row] = await executor.rows(insertManyStatement({ at, columns: toColumns(entries) }));
  return { inserted: row?.inserted ?? 0, isInterferedWith: row?.is_interfered_with !== false };
}

/** Reads proofs of the entries that exist. */
export function readEntryProofs(
  executor: Pick<SqlExecutor, 'rows'>,
  ids: readonly AuditEntryId[],
): Promise<EntryProof[]> {
  return executor.rows(selectProofs({ ids }));
}

function toColumns(entries: readonly InsertedAuditEntry[]): InsertedColumns {
  return {
    id: entries.map((entry) => entry.id),
    action: entries.map((entry) => entry.action),
    actorKind: entries.map((entry) => entry.actorKind),
    actorId: entries.map((entry) => entry.actorId),
    tenant: entries.map((entry) => entry.tenant),
    product: entries.map((entry) => entry.product),
    connectionId: entries.map((entry) => entry.connectionId),
    subjectId: entries.map((entry) => entry.subjectId),
    requestId: entries.map((entry) => entry.requestId),
    details: entries.map((entry) => entry.details),
    entryKey: entries.map((entry) => entry.entryKey),
  };
}
