import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../database/statement.ts';
import type { EventId } from '../events/ids.ts';

interface NewWebhookEntry {
  hash: Buffer;
  /** As counted in metrics; never text from outside. */
  object: string;
}

/** An entry about a Meta user without a connection. */
interface UnmatchedUserEntry {
  hash: Buffer;
  userHash: Buffer;
  /** The event created from it. */
  eventId: EventId | null;
}

const insertEntries = defineStatement<
  { hashes: Buffer[]; objects: string[]; now: Date; repeatableSince: Date },
  { hash: Buffer }
>(
  'webhook_entry_insert',
  ({ hashes, objects, now, repeatableSince }) => sql`INSERT INTO webhook_entry AS e (hash, object, received_at)
    SELECT hash, object, ${now}::timestamptz FROM unnest(${hashes}::bytea[], ${objects}::text[]) AS n (hash, object) ORDER BY hash
    ON CONFLICT (hash) DO UPDATE SET received_at = EXCLUDED.received_at, user_hash = NULL, meta_user_id = NULL, event_id = NULL
      WHERE e.received_at < ${repeatableSince}
    RETURNING hash`,
  { prepare: true },
);

const updateUsers = defineStatement<{ hashes: Buffer[]; userHashes: Buffer[]; eventIds: (EventId | null)[] }>(
  'webhook_entry_users',
  ({ hashes, userHashes, eventIds }) => sql`UPDATE webhook_entry e SET user_hash = p.user_hash, event_id = p.event_id
    FROM unnest(${hashes}::bytea[], ${userHashes}::bytea[], ${eventIds}::text[]) AS p (hash, user_hash, event_id)
    WHERE e.hash = p.hash`,
  { prepare: true },
);

const eraseUsers = defineStatement<
  { userHashes: readonly Buffer[]; metaUserIds: readonly string[] },
  { event_id: EventId | null }
>(
  'webhook_entry_erase_users',
  ({ userHashes, metaUserIds }) => sql`UPDATE webhook_entry e SET user_hash = NULL, meta_user_id = NULL, event_id = NULL
    FROM (SELECT hash, event_id FROM webhook_entry
      WHERE user_hash = ANY (${userHashes}::bytea[]) OR meta_user_id = ANY (${metaUserIds}) FOR UPDATE) old
    WHERE e.hash = old.hash RETURNING old.event_id`,
);

const selectPlainUsers = defineStatement<{ limit: number }, { hash: Buffer; meta_user_id: string }>(
  'webhook_entry_plain_users',
  ({ limit }) => sql`SELECT hash, meta_user_id FROM webhook_entry WHERE meta_user_id IS NOT NULL LIMIT ${limit}`,
);

/** An entry erased in the meantime stays erased. */
const updateUserHashes = defineStatement<{ hashes: Buffer[]; userHashes: Buffer[] }>(
  'webhook_entry_user_hashes',
  ({ hashes, userHashes }) => sql`UPDATE webhook_entry e SET user_hash = p.user_hash, meta_user_id = NULL
    FROM unnest(${hashes}::bytea[], ${userHashes}::bytea[]) AS p (hash, user_hash)
    WHERE e.hash = p.hash AND e.meta_user_id IS NOT NULL`,
);

const deleteBatch = defineStatement<{ receivedBefore: Date; limit: number }>(
  'webhook_entry_delete',
  ({ receivedBefore, limit }) => sql`DELETE FROM webhook_entry WHERE hash IN (
    SELECT hash FROM webhook_entry WHERE received_at < ${receivedBefore} ORDER BY received_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)`,
);

/**
 * Inserts entries not received since `repeatableSince`; returns their hashes. Waits for other transactions inserting
 * the same entry.
 */
export async function insertWebhookEntries(
  executor: SqlExecutor,
  entries: readonly NewWebhookEntry[],
  { now, repeatableSince }: { now: Date; repeatableSince: Date },
): Promise<Buffer[]> {
  const [hashes, objects] = [entries.map(({ hash }) => hash), entries.map(({ object }) => object)];
  const rows = await executor.rows(insertEntries({ hashes, objects, now, repeatableSince }));
  return rows.map(({ hash }) => hash);
}

/** Records which users entries are about, so that a data deletion finds them. */
export async function linkEntriesToUsers(executor: SqlExecutor, entries: readonly UnmatchedUserEntry[]): Promise<void> {
  if (entries.length === 0) return;
  const hashes = entries.map(({ hash }) => hash);
  const userHashes = entries.map(({ userHash }) => userHash);
  await executor.run(updateUsers({ hashes, userHashes, eventIds: entries.map(({ eventId }) => eventId) }));
}

/** Unlinks users from their entries. Returns the events created from those entries. */
export async function unlinkEntriesOfUsers(
  executor: SqlExecutor,
  userHashes: readonly Buffer[],
  metaUserIds: readonly string[],
): Promise<EventId[]> {
  const rows = await executor.rows(eraseUsers({ userHashes, metaUserIds }));
  return rows.flatMap(({ event_id: eventId }) => eventId ?? []);
}

/** Up to `limit` entries whose user id an earlier release stored in the clear. */
export function listEntriesWithPlainUsers(
  executor: SqlExecutor,
  limit: number,
): Promise<{ hash: Buffer; meta_user_id: string }[]> {
  return executor.rows(selectPlainUsers({ limit }));
}

/** Replaces those ids with hashes. */
export async function storeUserHashes(
  executor: SqlExecutor,
  entries: readonly { hash: Buffer; userHash: Buffer }[],
): Promise<void> {
  if (entries.length === 0) return;
  const userHashes = entries.map(({ userHash }) => userHash);
  await executor.run(updateUserHashes({ hashes: entries.map(({ hash }) => hash), userHashes }));
}

/** Deletes up to `limit` entries, oldest first; returns how many. */
export function deleteEntriesReceivedBefore(
  executor: SqlExecutor,
  receivedBefore: Date,
  limit: number,
): Promise<number> {
  return executor.run(deleteBatch({ receivedBefore, limit }));
}
