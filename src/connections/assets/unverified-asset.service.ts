import { Injectable } from '@nestjs/common';
import { SYSTEM } from '../../audit/actor.ts';
import { AuditLog } from '../../audit/audit-log.ts';
import { Database } from '../../database/database.ts';
import type { SqlExecutor } from '../../database/statement.ts';
import { Outbox } from '../../events/outbox/outbox.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { ConnectionStatusService } from '../connection/connection-status.service.ts';
import { placeOf } from '../connection-place.ts';
import type { AssetType } from '../credentials/credential-kind.ts';
import { addStatusReason, lockConnection } from '../status/connection-status.repository.ts';
import type { DeathReason, StatusReasonCode } from '../status/status-reason.ts';
import { hasAssetOfType, listAssets } from './asset.repository.ts';
import { lostAssetsEvent } from './lost-assets-event.ts';
import {
  claimUnverifiedAssets,
  clearAssetVerification,
  deleteClaimedAsset,
  requestAssetVerification,
  type UnverifiedAsset,
} from './unverified-asset.repository.ts';

/** After this long, an interrupted inspection is repeated. */
const CLAIM_SECONDS = 60;

/**
 * Assets whose verification was requested in the database, so that any replica can inspect them. Two replicas
 * inspecting the same asset do no harm. A result counts only for the claimed request, not for later requests or
 * reconnections.
 */
@Injectable()
export class UnverifiedAssetService {
  constructor(
    private readonly database: Database,
    private readonly connectionStatusService: ConnectionStatusService,
    private readonly audit: AuditLog,
    private readonly outbox: Outbox,
    private readonly clock: Clock,
  ) {}

  /**
   * Makes these assets of active connections due for verification; returns how many. `reason`: what Meta said happened.
   */
  async requestVerification(
    executor: SqlExecutor,
    type: AssetType,
    ids: readonly string[],
    reason: StatusReasonCode | null = null,
  ): Promise<number> {
    return ids.length === 0 ? 0 : requestAssetVerification(executor, { type, ids, reason, now: this.clock.now() });
  }

  /** Claims due assets, longest due first. Each is due again in a minute unless cleared before. */
  async claimDue(limit: number): Promise<UnverifiedAsset[]> {
    const now = this.clock.now();
    return claimUnverifiedAssets(this.database, { now, claimedUntil: addSeconds(now, CLAIM_SECONDS), limit });
  }

  /** Call when the asset is within reach or its connection is no longer active. */
  async clearVerification(asset: UnverifiedAsset): Promise<void> {
    await clearAssetVerification(this.database, asset);
  }

  /**
   * Removes an asset that is out of reach, with its children, and notifies subscribers. If no asset of its type is
   * left, the connection needs its user, unless the parent (a number's account) still exists.
   */
  async removeLost(asset: UnverifiedAsset, reason: DeathReason): Promise<void> {
    const { connectionId, type, id } = asset;
    await this.database.transaction(async (tx) => {
      const connection = await lockConnection(tx, connectionId);
      const removed = connection?.status === 'active' ? await deleteClaimedAsset(tx, asset) : [];
      if (removed.length === 0) return;
      await this.audit.record(tx, {
        ...placeOf(asset),
        action: 'connection.asset_lost',
        actor: SYSTEM,
        subjectId: id,
        details: { type, code: reason.code, ...(reason.meta === undefined ? {} : { meta: reason.meta }) },
      });
      const isUsable = asset.parentId !== null || (await hasAssetOfType(tx, connectionId, type));
      const { length: left } = await listAssets(tx, connectionId);
      const status = isUsable ? 'active' : 'reauth_required';
      await this.outbox.add(tx, lostAssetsEvent(asset, { status, removed, left }));
      if (!isUsable) return this.connectionStatusService.markUnusable(tx, placeOf(asset), reason);
      const now = this.clock.now();
      await addStatusReason(tx, connectionId, { ...reason, since_at: now.toISOString() }, now);
    });
  }
}
