import sql, { raw } from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import { ENTRY_BYTES, ENTRY_DIGEST } from '../audit-entry.repository.ts';
import type { AuditEntryId } from '../ids.ts';

export const LINKS_PER_BATCH = 2_000;
export const ENTRIES_PER_BATCH = 20_000;
export const ENTRIES_PER_COUNT = 100_000;

/** A link with its entry's encoded columns; null if it is missing. */
export interface LinkRow {
  position: string;
  entry_id: AuditEntryId;
  mac: Buffer;
  entry: Buffer | null;
  entry_mac: Buffer | null;
}

export interface UnlinkedEntryRow {
  id: AuditEntryId;
  digest: Buffer;
  mac: Buffer | null;
}

interface UnlinkedPageRow {
  /** Last id of the page; null if it is empty. */
  last: AuditEntryId | null;
  read: number;
  /** First id without a link. */
  unlinked: AuditEntryId | null;
}

/** Where to continue reading: at this position, without the link to this entry, which was already read. */
export interface LinkCursor {
  from: string;
  lastEntryId: string;
}

/**
 * LATERAL with a LIMIT forces one primary-key lookup per link. Otherwise, without fresh statistics, Postgres reads the
 * whole table for each batch. Two partitions may have a link at the same position, so a batch begins where the last one
 * ended, to read both.
 */
const linksStatement = defineStatement<LinkCursor & { upTo: number }, LinkRow>(
  'audit_links',
  ({ from, lastEntryId, upTo }) => sql`SELECT l.position, l.entry_id, l.mac, found.entry, found.mac AS entry_mac FROM (
      SELECT position, entry_id, mac FROM audit_link
      WHERE position >= ${from} AND position <= ${upTo} AND entry_id <> ${lastEntryId}
      ORDER BY position LIMIT ${raw(String(LINKS_PER_BATCH))}
    ) l LEFT JOIN LATERAL (
      SELECT ${ENTRY_BYTES} AS entry, e.mac FROM audit_entry e WHERE e.id = l.entry_id LIMIT 1
    ) found ON true
    ORDER BY l.position`,
  { prepare: true },
);

const countsStatement = defineStatement<
  { after: string; before: string },
  { last: AuditEntryId | null; read: number; links: number }
>(
  'audit_unlinked_counts',
  ({ after, before }) => sql`WITH batch AS MATERIALIZED (
      SELECT id FROM audit_entry WHERE id > ${after} AND id < ${before} ORDER BY id LIMIT ${raw(String(ENTRIES_PER_COUNT))})
    SELECT max(id) AS last, count(*)::integer AS read,
      (SELECT count(*)::integer FROM audit_link WHERE entry_id > ${after} AND entry_id <= (SELECT max(id) FROM batch)) AS links
    FROM batch`,
  { prepare: true },
);

const unlinkedPageStatement = defineStatement<{ after: string; before: string }, UnlinkedPageRow>(
  'audit_unlinked_page',
  ({ after, before }) => sql`WITH batch AS (
      SELECT id FROM audit_entry WHERE id > ${after} AND id < ${before} ORDER BY id LIMIT ${raw(String(ENTRIES_PER_BATCH))})
    SELECT max(b.id) AS last, count(*)::integer AS read, min(b.id) FILTER (WHERE l.found IS NULL) AS unlinked
    FROM batch b LEFT JOIN LATERAL (SELECT true AS found FROM audit_link WHERE entry_id = b.id LIMIT 1) l ON true`,
  { prepare: true },
);

const unlinkedEntriesStatement = defineStatement<
  { from: string; before: string | null; limit: number },
  UnlinkedEntryRow
>(
  'audit_unlinked_entries',
  ({ from, before, limit }) => sql`SELECT e.id, ${ENTRY_DIGEST} AS digest, e.mac FROM audit_entry e
    WHERE e.id >= ${from} AND (${before}::text IS NULL OR e.id < ${before})
    AND NOT EXISTS (SELECT 1 FROM audit_link l WHERE l.entry_id = e.id AND l.entry_id >= ${from}) ORDER BY e.id LIMIT ${limit}`,
);

const firstLinkedEntryStatement = defineStatement<Record<never, never>, { entry_id: AuditEntryId }>(
  'audit_first_linked_entry',
  () => sql`SELECT entry_id FROM audit_link ORDER BY position LIMIT 1`,
);

const linkCountStatement = defineStatement<{ upTo: number }, { links: string; pruned: string }>(
  'audit_link_count',
  ({ upTo }) => sql`SELECT count(*) AS links, coalesce((SELECT position FROM audit_checkpoint), 0) AS pruned
    FROM audit_link WHERE position <= ${upTo}`,
);

const linkMacStatement = defineStatement<{ position: number }, { mac: Buffer }>(
  'audit_link_mac',
  ({ position }) => sql`SELECT mac FROM audit_link WHERE position = ${position}`,
);

/** Returns up to `LINKS_PER_BATCH` links with their entries, by position. */
export function readLinks(executor: SqlExecutor, cursor: LinkCursor, upTo: number): Promise<LinkRow[]> {
  return executor.rows(linksStatement({ ...cursor, upTo }));
}

/** Whether the number of links up to a position equals that position, less the pruned ones. */
export async function areLinksCounted(executor: SqlExecutor, upTo: number): Promise<boolean> {
  const [count] = await executor.rows(linkCountStatement({ upTo }));
  return count !== undefined && Number(count.links) === upTo - Number(count.pruned);
}

/**
 * Counts the next `ENTRIES_PER_COUNT` entries in a range of ids, and the links of the same ids. Indexes have both, so
 * this is much cheaper than looking up each entry's link.
 */
export async function countEntriesAndLinks(
  executor: SqlExecutor,
  after: string,
  before: string,
): Promise<{ last: AuditEntryId | null; read: number; links: number }> {
  const [counts] = await executor.rows(countsStatement({ after, before }));
  if (counts === undefined) throw new Error('the audit record cannot be read');
  return counts;
}

/** Looks for unlinked entries among the next `ENTRIES_PER_BATCH` in a range of ids. */
export async function readUnlinkedPage(executor: SqlExecutor, after: string, before: string): Promise<UnlinkedPageRow> {
  const [page] = await executor.rows(unlinkedPageStatement({ after, before }));
  if (page === undefined) throw new Error('the audit record cannot be read');
  return page;
}

/** Returns unlinked entries from an id on. `before` null: no upper bound. */
export function readUnlinked(
  executor: SqlExecutor,
  from: string,
  before: string | null,
  limit: number,
): Promise<UnlinkedEntryRow[]> {
  return executor.rows(unlinkedEntriesStatement({ from, before, limit }));
}

/** Returns the entry of the first remaining link; null for an empty chain. */
export async function findFirstLinkedEntry(executor: SqlExecutor): Promise<AuditEntryId | null> {
  const [link] = await executor.rows(firstLinkedEntryStatement({}));
  return link?.entry_id ?? null;
}

/** Returns the MAC of the link at a position; null if there is none. */
export async function findLinkMac(executor: SqlExecutor, position: number): Promise<Buffer | null> {
  const [link] = await executor.rows(linkMacStatement({ position }));
  return link?.mac ?? null;
}
