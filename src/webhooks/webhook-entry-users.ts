import { Injectable } from '@nestjs/common';
import { Database, type Transaction } from '../database/database.ts';
import type { EventId } from '../events/ids.ts';
import { KeyRing } from '../vault/keys/key-ring.ts';
import {
  linkEntriesToUsers,
  listEntriesWithPlainUsers,
  storeUserHashes,
  unlinkEntriesOfUsers,
} from './webhook-entry.repository.ts';

/** An entry about a user of Meta's who has no connection. */
interface UnmatchedUserEntry {
  hash: Buffer;
  metaUserId: string;
  /** The event that was made of it. */
  eventId: EventId | null;
}

/** Which users entries without a connection are about, so that a data deletion finds them. What is stored are keyed hashes. */
@Injectable()
export class WebhookEntryUsers {
  constructor(
    private readonly database: Database,
    private readonly ring: KeyRing,
  ) {}

  async link(tx: Transaction, entries: readonly UnmatchedUserEntry[]): Promise<void> {
    await linkEntriesToUsers(
      tx,
      entries.map(({ hash, metaUserId, eventId }) => ({ hash, userHash: this.userHash(metaUserId), eventId })),
    );
  }

  /** Forgets whom these entries are about; the events that were made of them. */
  unlink(tx: Transaction, metaUserIds: readonly string[]): Promise<EventId[]> {
    return unlinkEntriesOfUsers(
      tx,
      metaUserIds.map((id) => this.userHash(id)),
      metaUserIds,
    );
  }

  /** Leaves hashes in the place of ids that an earlier release stored, up to `limit`. */
  async hashEarlierReleases(limit: number): Promise<void> {
    const entries = await listEntriesWithPlainUsers(this.database, limit);
    await storeUserHashes(
      this.database,
      entries.map(({ hash, meta_user_id: id }) => ({ hash, userHash: this.userHash(id) })),
    );
  }

  private userHash(metaUserId: string): Buffer {
    return this.ring.blindIndex(`user of an entry ${metaUserId}`);
  }
}
