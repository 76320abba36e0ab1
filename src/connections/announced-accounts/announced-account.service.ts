import { Injectable } from '@nestjs/common';
import { Database } from '../../database/database.ts';
import type { SqlExecutor } from '../../database/statement.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { deleteDecidedAccounts, insertAnnouncedAccounts } from './announced-account.repository.ts';
import type { AnnouncedAccount } from './announced-account.ts';

/** How long a browser may take to bring the code of a signup that Meta has announced already: codes of Embedded Signup live for 30 seconds. */
export const GRACE_SECONDS = 45;

/**
 * Accounts that Meta announced. Whether a connection comes of each shows only after a while, so the row says when to look: whatever
 * becomes of this replica, another one decides.
 */
@Injectable()
export class AnnouncedAccountService {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** Within the transaction that stores what Meta sent. */
  async announce(tx: SqlExecutor, accounts: readonly Pick<AnnouncedAccount, 'wabaId' | 'businessId'>[]): Promise<void> {
    const distinct = new Map(accounts.map((account) => [account.wabaId, account]));
    if (distinct.size === 0) return;
    const announcedAt = this.clock.now();
    const dueAt = addSeconds(announcedAt, GRACE_SECONDS);
    await insertAnnouncedAccounts(tx, [...distinct.values()], { announcedAt, dueAt });
  }

  /** Removes up to `limit` that were decided about before the instant; how many that were. */
  removeDecidedBefore(before: Date, limit: number): Promise<number> {
    return deleteDecidedAccounts(this.database, before, limit);
  }
}
