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

/** An entry about a Meta user without a connection. */
interface UnmatchedUserEntry {
  hash: Buffer;
  metaUserId: string;
  /** The event created from it. */
  eventId: EventId | null;
}

/** Remembers which users unmatched entries are about, as keyed hashes, so that a data deletion finds them. */
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

  /** Forgets these users' entries. Returns the events created from them. */
  unlink(tx: Transaction, metaUserIds: readonly string[]): Promise<EventId[]> {
    return unlinkEntriesOfUsers(
      tx,
      metaUserIds.map((id) => this.userHash(id)),
      metaUserIds,
    );
  }

  /** Replaces up to `limit` ids stored by earlier releases with hashes. */
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
