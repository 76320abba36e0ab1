import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../database/statement.ts';
import type { EventId } from '../events/ids.ts';

interface NewWebhookEntry {
  hash: Buffer;
  /** As metrics count it, never what came from outside. */
  object: string;
}

/** An entry about a user of Meta's who has no connection. */
interface UnmatchedUserEntry {
  hash: Buffer;
  userId: string;
  /** The event that was made of it. */
  eventId: EventId | null;
}

const insertEntries = defineStatement<
  { hashes: Buffer[]; objects: string[]; now: Date; repeatableSince: Date },
  { hash: Buffer }
>(
  'webhook_entry_insert',
  ({ hashes, objects, now, repeatableSince }) => sql`INSERT INTO webhook_entry AS e (hash, object, received_at)
    SELECT hash, object, ${now}::timestamptz FROM unnest(${hashes}::bytea[], ${objects}::text[]) AS n (hash, object) ORDER BY hash
    ON CONFLICT (hash) DO UPDATE SET received_at = EXCLUDED.received_at, meta_user_id = NULL, event_id = NULL
      WHERE e.received_at < ${repeatableSince}
    RETURNING hash`,
  { prepare: true },
);

const updateUsers = defineStatement<{ hashes: Buffer[]; userIds: string[]; eventIds: (EventId | null)[] }>(
  'webhook_entry_users',
  ({ hashes, userIds, eventIds }) => sql`UPDATE webhook_entry e SET meta_user_id = p.user_id, event_id = p.event_id
    FROM unnest(${hashes}::bytea[], ${userIds}::text[], ${eventIds}::text[]) AS p (hash, user_id, event_id) WHERE e.hash = p.hash`,
  { prepare: true },
);

const eraseUsers = defineStatement<{ metaUserIds: readonly string[] }, { event_id: EventId | null }>(
  'webhook_entry_erase_users',
  ({ metaUserIds }) => sql`UPDATE webhook_entry e SET meta_user_id = NULL, event_id = NULL
    FROM (SELECT hash, event_id FROM webhook_entry WHERE meta_user_id = ANY (${metaUserIds}) FOR UPDATE) old
    WHERE e.hash = old.hash RETURNING old.event_id`,
);

const deleteBatch = defineStatement<{ receivedBefore: Date; limit: number }>(
  'webhook_entry_delete',
  ({ receivedBefore, limit }) => sql`DELETE FROM webhook_entry WHERE hash IN (
    SELECT hash FROM webhook_entry WHERE received_at < ${receivedBefore} ORDER BY received_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)`,
);

/**
 * Inserts entries that were not received since `repeatableSince`; their hashes. Waits for another replica's open transaction with the
 * same entry.
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
  const userIds = entries.map(({ userId }) => userId);
  await executor.run(updateUsers({ hashes, userIds, eventIds: entries.map(({ eventId }) => eventId) }));
}

/** Removes the users from the entries that were linked to them; the events that were made of these entries. */
export async function unlinkEntriesOfUsers(executor: SqlExecutor, metaUserIds: readonly string[]): Promise<EventId[]> {
  const rows = await executor.rows(eraseUsers({ metaUserIds }));
  return rows.flatMap(({ event_id: eventId }) => eventId ?? []);
}

/** Deletes up to `limit` entries, the oldest first; how many that were. */
export function deleteEntriesReceivedBefore(
  executor: SqlExecutor,
  receivedBefore: Date,
  limit: number,
): Promise<number> {
  return executor.run(deleteBatch({ receivedBefore, limit }));
}
