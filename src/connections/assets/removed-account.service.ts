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

/** An account that Meta's signed webhook says is no longer shared with our app. */
export interface RemovedAccount {
  accountId: string;
  /** When Meta says it happened; null: not stated. */
  removedAt: Date | null;
  /** Meta's reason, if given. */
  cause: string | null;
}

/** Allows for clock skew and for events in flight while the user reconnects. */
const TOLERANCE_SECONDS = 60;

/**
 * WhatsApp Business Accounts taken away from our app. After the owner leaves in the WhatsApp Business app, the account
 * may stay visible to its token. So for accounts with such numbers, Meta's signed statement decides, unless the user
 * has reconnected since. All others, and events out of order, only lead to an inspection.
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
   * Call in the transaction that stores the events, before it changes other assets: locks connections ordered by id.
   * `signedBy`: apps whose secret signed the events. Each speaks only for its own connections.
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

/** Newest last, then those without a time. */
function byTime({ removedAt: a }: RemovedAccount, { removedAt: b }: RemovedAccount): number {
  return (a?.getTime() ?? Number.MAX_SAFE_INTEGER) - (b?.getTime() ?? Number.MAX_SAFE_INTEGER);
}

function isCurrent({ removedAt }: RemovedAccount, { authorizedAt }: CoexistenceAccount): boolean {
  return removedAt === null || addSeconds(removedAt, TOLERANCE_SECONDS) >= authorizedAt;
}
