import sql, { raw } from 'sql-template-tag';
import { IntegrityError } from '../../database/integrity-failures.ts';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import { ENTRY_BYTES, ENTRY_DIGEST } from '../audit-entry.repository.ts';
import type { AuditEntryId } from '../ids.ts';

/** Advisory lock for linking and pruning: one worker at a time across replicas. */
const CHAIN_LOCK = 727_003;
const MAX_COUNTED_UNLINKED = 100_000;
/** Entries linked per batch. */
export const LINKING_BATCH = 1_000;

/** The head and the last link, read in one statement. */
export interface ChainTip {
  head: { entries: number; mac: Buffer; seal: Buffer; macsRequiredFrom: string | null } | null;
  last: { position: number; mac: Buffer } | null;
  /** Greatest id of all linked entries. */
  newestEntryId: string | null;
}

export interface NewLink {
  entryId: AuditEntryId;
  mac: Buffer;
}

export interface LinkableEntry {
  id: AuditEntryId;
  /** Its columns, encoded. */
  entry: Buffer;
  digest: Buffer;
  mac: Buffer | null;
}

interface TipRow {
  entries: string | null;
  mac: Buffer | null;
  seal: Buffer | null;
  macs_required_from: string | null;
  position: string | null;
  last_mac: Buffer | null;
  newest_entry_id: string | null;
}

const lockStatement = defineStatement<Record<never, never>, { pg_advisory_xact_lock: string }>(
  'audit_chain_lock',
  () => sql`SELECT pg_advisory_xact_lock(${CHAIN_LOCK})`,
);

const tryLockStatement = defineStatement<Record<never, never>, { locked: boolean }>(
  'audit_chain_try_lock',
  () => sql`SELECT pg_try_advisory_xact_lock(${CHAIN_LOCK}) AS locked`,
);

const tipStatement = defineStatement<Record<never, never>, TipRow>(
  'audit_tip',
  () => sql`SELECT h.entries, h.mac, h.seal, h.macs_required_from, l.position, l.mac AS last_mac,
      (SELECT max(entry_id) FROM audit_link) AS newest_entry_id
    FROM (SELECT 1) one LEFT JOIN audit_head h ON true
    LEFT JOIN LATERAL (SELECT position, mac FROM audit_link ORDER BY position DESC LIMIT 1) l ON true`,
  { prepare: true },
);

/**
 * Repeats the range inside the anti-join, because Postgres would otherwise walk the whole chain. Looks for ids first:
 * indexes have them, so the rows of linked entries, which are nearly all, stay unread.
 */
const unlinkedStatement = defineStatement<{ from: string; before: string }, LinkableEntry>(
  'audit_unlinked',
  ({ from, before }) => sql`WITH unlinked AS MATERIALIZED (SELECT n.id FROM audit_entry n
      WHERE n.id >= ${from} AND n.id < ${before}
      AND NOT EXISTS (SELECT 1 FROM audit_link l WHERE l.entry_id = n.id AND l.entry_id >= ${from} AND l.entry_id < ${before})
      ORDER BY n.id LIMIT ${raw(String(LINKING_BATCH))})
    SELECT found.* FROM unlinked u CROSS JOIN LATERAL (
      SELECT e.id, ${ENTRY_BYTES} AS entry, ${ENTRY_DIGEST} AS digest, e.mac FROM audit_entry e
      WHERE e.id = u.id AND e.id >= ${from} AND e.id < ${before} LIMIT 1) found
    ORDER BY found.id`,
  { prepare: true },
);

const firstUnlinkedStatement = defineStatement<{ from: string; before: string }, { id: AuditEntryId | null }>(
  'audit_first_unlinked',
  ({ from, before }) => sql`SELECT min(e.id) AS id FROM audit_entry e WHERE e.id >= ${from} AND e.id < ${before}
    AND NOT EXISTS (SELECT 1 FROM audit_link l WHERE l.entry_id = e.id AND l.entry_id >= ${from} AND l.entry_id < ${before})`,
);

const countUnlinkedStatement = defineStatement<{ from: string }, { count: number }>(
  'audit_unlinked_count',
  ({ from }) => sql`SELECT count(*)::integer AS count FROM (
    SELECT 1 FROM audit_entry e WHERE e.id >= ${from}
    AND NOT EXISTS (SELECT 1 FROM audit_link l WHERE l.entry_id = e.id AND l.entry_id >= ${from})
    LIMIT ${raw(String(MAX_COUNTED_UNLINKED))}) unlinked`,
);

/**
 * `macs`: concatenated, because the driver is slow with an array of them. Inserts nothing if a position is taken, since
 * Postgres keeps positions unique within each partition only. Compares with the greatest, the last entry of an index:
 * searching for an equal or greater one would read the whole table, because Postgres expects to find a match soon.
 */
const insertLinksStatement = defineStatement<{
  firstPosition: number;
  entryIds: readonly AuditEntryId[];
  macs: Buffer;
}>(
  'audit_link_insert',
  ({ firstPosition, entryIds, macs }) => sql`INSERT INTO audit_link (position, entry_id, mac)
    SELECT ${firstPosition}::bigint + n - 1, id, substr(${macs}::bytea, (n * 32 - 31)::integer, 32)
    FROM unnest(${entryIds}::text[]) WITH ORDINALITY AS l (id, n)
    WHERE coalesce((SELECT max(position) FROM audit_link), 0) < ${firstPosition}::bigint`,
);

const upsertHeadStatement = defineStatement<NonNullable<ChainTip['head']>>(
  'audit_head_upsert',
  ({ entries, mac, seal, macsRequiredFrom }) => sql`INSERT INTO audit_head (id, entries, mac, seal, macs_required_from)
    VALUES (1, ${entries}, ${mac}, ${seal}, ${macsRequiredFrom})
    ON CONFLICT (id) DO UPDATE SET entries = excluded.entries, mac = excluded.mac, seal = excluded.seal,
      macs_required_from = excluded.macs_required_from`,
);

const lockTimeoutStatement = defineStatement<Record<never, never>>(
  'audit_chain_lock_timeout',
  () => sql`SET LOCAL lock_timeout = '5s'`,
);

const lockHolderStatement = defineStatement<Record<never, never>, ChainLockHolder>(
  'audit_chain_lock_holder',
  () => sql`SELECT a.pid, a.usename AS role, a.application_name, a.backend_start AS connected_at
    FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.locktype = 'advisory' AND l.classid = 0 AND l.objid = ${CHAIN_LOCK} AND l.objsubid = 1 AND l.granted
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
);

const firstWithMacStatement = defineStatement<Record<never, never>, { id: AuditEntryId; position: string }>(
  'audit_first_with_mac',
  () => sql`SELECT l.entry_id AS id, l.position FROM audit_link l JOIN audit_entry e ON e.id = l.entry_id
    WHERE e.mac IS NOT NULL ORDER BY l.position LIMIT 1`,
);

/** The database session that holds the chain's lock. */
export interface ChainLockHolder {
  pid: number;
  role: string | null;
  application_name: string | null;
  connected_at: Date | null;
}

/** Takes the chain's lock. After five seconds throws an error for which `isLockTimeout` is true. */
export async function lockChainSoon(tx: SqlExecutor): Promise<void> {
  await tx.run(lockTimeoutStatement({}));
  await tx.run(lockStatement({}));
}

/** Whether an error is `lock_not_available` (55P03). */
export function isLockTimeout(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === '55P03';
}

/** Returns who holds the chain's lock; null if it is free. */
export async function findLockHolder(executor: SqlExecutor): Promise<ChainLockHolder | null> {
  const [holder] = await executor.rows(lockHolderStatement({}));
  return holder ?? null;
}

/** Returns the first link whose entry has a MAC; null if there is none. */
export async function findFirstLinkWithMac(
  executor: SqlExecutor,
): Promise<{ id: AuditEntryId; position: number } | null> {
  const [first] = await executor.rows(firstWithMacStatement({}));
  return first === undefined ? null : { id: first.id, position: Number(first.position) };
}

/** Waits for the chain's lock and holds it until the transaction ends. */
export async function lockChain(tx: SqlExecutor): Promise<void> {
  await tx.run(lockStatement({}));
}

/** Returns false if the chain is locked. */
export async function tryLockChain(tx: SqlExecutor): Promise<boolean> {
  const [row] = await tx.rows(tryLockStatement({}));
  return row?.locked === true;
}

/** Reads the end of the chain in one statement, so that head and last link match. */
export async function readTip(executor: SqlExecutor): Promise<ChainTip> {
  const [row] = await executor.rows(tipStatement({}));
  if (row === undefined) throw new Error('the end of the audit chain cannot be read');
  const { entries, mac, seal, macs_required_from: macsRequiredFrom, position, last_mac: lastMac } = row;
  return {
    head:
      entries === null || mac === null || seal === null
        ? null
        : { entries: Number(entries), mac, seal, macsRequiredFrom },
    last: position === null || lastMac === null ? null : { position: Number(position), mac: lastMac },
    newestEntryId: row.newest_entry_id,
  };
}

/** Returns the first unlinked entries in a range of ids, up to `LINKING_BATCH`. */
export function readUnlinkedEntries(executor: SqlExecutor, from: string, before: string): Promise<LinkableEntry[]> {
  return executor.rows(unlinkedStatement({ from, before }));
}

/** Returns the first unlinked entry in a range of ids; null if all are linked. */
export async function findFirstUnlinked(
  executor: SqlExecutor,
  from: string,
  before: string,
): Promise<AuditEntryId | null> {
  const [row] = await executor.rows(firstUnlinkedStatement({ from, before }));
  return row?.id ?? null;
}

/** Counts unlinked entries from an id on, up to 100,000. */
export async function countUnlinkedEntries(executor: SqlExecutor, from: string): Promise<number> {
  const [row] = await executor.rows(countUnlinkedStatement({ from }));
  return row?.count ?? 0;
}

/** Inserts the links that end the chain. Throws `IntegrityError` if a trigger or rule swallowed a link or the head. */
export async function insertLinks(
  tx: SqlExecutor,
  links: readonly NewLink[],
  head: NonNullable<ChainTip['head']>,
): Promise<void> {
  const inserted = await tx.run(
    insertLinksStatement({
      firstPosition: head.entries - links.length + 1,
      entryIds: links.map(({ entryId }) => entryId),
      macs: Buffer.concat(links.map(({ mac }) => mac)),
    }),
  );
  if (inserted !== links.length) throw new IntegrityError('audit_link');
  if ((await tx.run(upsertHeadStatement(head))) !== 1) throw new IntegrityError('audit_head');
}
