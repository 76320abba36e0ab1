import { Injectable } from '@nestjs/common';
import { SYSTEM } from '../../audit/actor.ts';
import { AuditLog } from '../../audit/audit-log.ts';
import type { Transaction } from '../../database/database.ts';
import { Outbox } from '../../events/outbox/outbox.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { ConnectionStatusService } from '../connection/connection-status.service.ts';
import { placeOf } from '../connection-place.ts';
import { addStatusReason } from '../status/connection-status.repository.ts';
import { hasAssetOfType, listAssets } from './asset.repository.ts';
import { lostAssetsEvent } from './lost-assets-event.ts';
import { partnerRemovedReason } from './partner-removed.ts';
import {
  type CoexistenceAccount,
  deleteWhatsappAccount,
  lockCoexistenceAccounts,
} from './removed-account.repository.ts';
import { UnverifiedAssetService } from './unverified-asset.service.ts';

/** An account that, as Meta signed, is no longer shared with our app. */
export interface RemovedAccount {
  accountId: string;
  /** When Meta says that happened; null: it does not say. */
  removedAt: Date | null;
  /** Meta's word for why, where it gives one. */
  cause: string | null;
}

/** Clocks differ, and an event may be on its way while its user connects again. */
const TOLERANCE_SECONDS = 60;

/**
 * WhatsApp Business Accounts that were taken away from our app. Leaving in the WhatsApp Business app may leave the account visible to its
 * token, so for accounts with such numbers Meta's signed word counts, unless their user has connected again since. All other accounts
 * are only inspected: so is whatever came out of order.
 */
@Injectable()
export class RemovedAccountService {
  constructor(
    private readonly connectionStatusService: ConnectionStatusService,
    private readonly unverifiedAssets: UnverifiedAssetService,
    private readonly audit: AuditLog,
    private readonly outbox: Outbox,
    private readonly clock: Clock,
  ) {}

  /**
   * Within the transaction that stores the events, before it changes any other asset: locks connections in the order of their ids.
   * `signedBy`: the apps whose secret signed the events; each speaks for its own connections.
   */
  async process(tx: Transaction, removals: readonly RemovedAccount[], signedBy: readonly string[]): Promise<void> {
    if (removals.length === 0) return;
    const byAccount = new Map([...removals].sort(byTime).map((removal) => [removal.accountId, removal]));
    const accountIds = [...byAccount.keys()];
    for (const account of await lockCoexistenceAccounts(tx, { accountIds, appIds: signedBy })) {
      const removal = byAccount.get(account.accountId);
      if (removal !== undefined && isCurrent(removal, account)) await this.remove(tx, account, removal);
    }
    await this.unverifiedAssets.requestVerification(tx, 'whatsapp_business_account', accountIds, 'partner_removed');
  }

  private async remove(tx: Transaction, account: CoexistenceAccount, { cause }: RemovedAccount): Promise<void> {
    const { connectionId, accountId, status } = account;
    const removed = await deleteWhatsappAccount(tx, account);
    if (removed.length === 0) return;
    const reason = partnerRemovedReason(accountId, cause);
    const type = 'whatsapp_business_account';
    await this.audit.record(tx, {
      ...placeOf(account),
      action: 'connection.asset_lost',
      actor: SYSTEM,
      subjectId: accountId,
      details: { type, code: reason.code },
    });
    const isUsable = await hasAssetOfType(tx, connectionId, type);
    const { length: left } = await listAssets(tx, connectionId);
    const statusAfter = isUsable ? status : 'reauth_required';
    await this.outbox.add(tx, lostAssetsEvent(account, { status: statusAfter, removed, left }));
    if (status !== 'active') return;
    if (!isUsable) return this.connectionStatusService.markUnusable(tx, placeOf(account), reason);
    const now = this.clock.now();
    await addStatusReason(tx, connectionId, { ...reason, since_at: now.toISOString() }, now);
  }
}

/** The newest last, and those that do not say when after them. */
function byTime({ removedAt: a }: RemovedAccount, { removedAt: b }: RemovedAccount): number {
  return (a?.getTime() ?? Number.MAX_SAFE_INTEGER) - (b?.getTime() ?? Number.MAX_SAFE_INTEGER);
}

function isCurrent({ removedAt }: RemovedAccount, { authorizedAt }: CoexistenceAccount): boolean {
  return removedAt === null || addSeconds(removedAt, TOLERANCE_SECONDS) >= authorizedAt;
}
