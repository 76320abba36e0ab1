import { Injectable } from '@nestjs/common';
import { Database } from '../../database/database.ts';
import type { SqlExecutor } from '../../database/statement.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { deleteDecidedAccounts, insertAnnouncedAccounts } from './announced-account.repository.ts';
import type { AnnouncedAccount } from './announced-account.ts';

/**
 * How long a browser may take to deliver the code of a signup that Meta has already announced. Codes last 30 seconds
 * (docs/meta-facts.md#codes-of-the-javascript-sdk).
 */
export const GRACE_SECONDS = 45;

/**
 * Accounts that Meta announced. Whether a connection follows is only known after a while, so each row holds the time to
 * check. Any replica can then decide.
 */
@Injectable()
export class AnnouncedAccountService {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** Call in the transaction that stores Meta's webhook. `appId`: the app that it came to; null: the environment's. */
  async announce(
    tx: SqlExecutor,
    accounts: readonly Pick<AnnouncedAccount, 'wabaId' | 'businessId'>[],
    appId: string | null,
  ): Promise<void> {
    const distinct = new Map(accounts.map((account) => [account.wabaId, account]));
    if (distinct.size === 0) return;
    const announcedAt = this.clock.now();
    const dueAt = addSeconds(announcedAt, GRACE_SECONDS);
    await insertAnnouncedAccounts(tx, [...distinct.values()], { appId, announcedAt, dueAt });
  }

  /** Removes up to `limit` accounts announced before `before` and already decided; returns how many. */
  removeDecidedBefore(before: Date, limit: number): Promise<number> {
    return deleteDecidedAccounts(this.database, before, limit);
  }
}
