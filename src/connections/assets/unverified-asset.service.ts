import { Injectable } from '@nestjs/common';
import { AuditLog, SYSTEM } from '../../audit/audit-log.ts';
import { Database, type Transaction } from '../../database/database.ts';
import type { SqlExecutor } from '../../database/statement.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { ConnectionStatusService } from '../connection/connection-status.service.ts';
import type { AssetType } from '../credentials/credential-kind.ts';
import { type DeathReason } from '../status/status-reason.ts';

/** An asset that Meta said may be out of reach by now. */
export interface UnverifiedAsset {
  connectionId: string;
  tenant: string;
  product: string;
  type: AssetType;
  id: string;
  credentialId: string;
  /** Until then it is this look's: the doubt as it was taken. One that came since has another time. */
  claimedUntil: Date;
}

/** After this long, one whose look broke off is looked at again. */
const CLAIM_SECONDS = 60;

/**
 * Assets that somebody has doubts about, as the rows say: whatever becomes of this replica, another one looks. Two that look at the
 * same asset do no harm. What a look found counts for the doubt that it took, not for one that came since, nor for what was connected since.
 */
@Injectable()
export class UnverifiedAssetService {
  constructor(
    private readonly database: Database,
    private readonly connectionStatusService: ConnectionStatusService,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
  ) {}

  /** Makes these assets of active connections due for a look. How many. */
  async requestVerification(sql: SqlExecutor, type: AssetType, ids: readonly string[]): Promise<number> {
    if (ids.length === 0) return 0;
    return sql.run({
      name: 'request_asset_verification',
      text: `UPDATE asset a SET verification_requested_at = $3 FROM connection n
        WHERE a.type = $1 AND a.id = ANY ($2) AND n.id = a.connection_id AND n.status = 'active'`,
      values: [type, ids, this.clock.now()],
    });
  }

  /** Those that are due, the longest first; each is due again in a minute, unless it is settled before. */
  async claimDue(limit: number): Promise<UnverifiedAsset[]> {
    const now = this.clock.now();
    const rows = await this.database.rows<{
      connection_id: string;
      tenant: string;
      product: string;
      type: AssetType;
      id: string;
      credential_id: string;
      verification_requested_at: Date;
    }>({
      name: 'claim_unverified_assets',
      text: `UPDATE asset a SET verification_requested_at = $2 FROM connection n WHERE n.id = a.connection_id AND (a.connection_id, a.type, a.id) IN (
          SELECT connection_id, type, id FROM asset WHERE verification_requested_at <= $1 ORDER BY verification_requested_at LIMIT $3 FOR UPDATE SKIP LOCKED)
        RETURNING a.connection_id, n.tenant, n.product, a.type, a.id, a.credential_id, a.verification_requested_at`,
      values: [now, addSeconds(now, CLAIM_SECONDS), limit],
    });
    return rows.map((row) => ({
      connectionId: row.connection_id,
      tenant: row.tenant,
      product: row.product,
      type: row.type,
      id: row.id,
      credentialId: row.credential_id,
      claimedUntil: row.verification_requested_at,
    }));
  }

  /** It is within reach, or its connection is done with. */
  async clearVerification({ connectionId, type, id, claimedUntil }: UnverifiedAsset): Promise<void> {
    await this.database.run({
      text: 'UPDATE asset SET verification_requested_at = NULL WHERE connection_id = $1 AND type = $2 AND id = $3 AND verification_requested_at = $4',
      values: [connectionId, type, id, claimedUntil],
    });
  }

  /** It is out of reach: it goes, with what lies below it. A connection that has none left of its type needs its person. */
  async removeLost(asset: UnverifiedAsset, reason: DeathReason): Promise<void> {
    const { connectionId, tenant, product, type, id } = asset;
    await this.database.transaction(async (tx) => {
      const connection = await tx.rows({
        text: `SELECT 1 FROM connection WHERE id = $1 AND status = 'active' FOR UPDATE`,
        values: [connectionId],
      });
      if (connection.length === 0 || !(await remove(tx, asset))) return;
      const of = { connectionId, tenant, product };
      await this.audit.record(tx, {
        ...of,
        action: 'connection.asset_lost',
        actor: SYSTEM,
        subjectId: id,
        details: { type, code: reason.code, ...(reason.meta === undefined ? {} : { meta: reason.meta }) },
      });
      const left = await tx.rows({
        text: 'SELECT 1 FROM asset WHERE connection_id = $1 AND type = $2 LIMIT 1',
        values: [connectionId, type],
      });
      if (left.length === 0) await this.connectionStatusService.markUnusable(tx, of, reason);
      else await this.setStatusReason(tx, connectionId, reason);
    });
  }

  private async setStatusReason(tx: Transaction, connectionId: string, reason: DeathReason): Promise<void> {
    const now = this.clock.now();
    await tx.run({
      text: `UPDATE connection SET status_reason = coalesce(status_reason, $2), updated_at = $3 WHERE id = $1`,
      values: [connectionId, JSON.stringify({ ...reason, since_at: now.toISOString() }), now],
    });
  }
}

async function remove(tx: Transaction, { connectionId, type, id, claimedUntil }: UnverifiedAsset): Promise<boolean> {
  const removed = await tx.run({
    text: 'DELETE FROM asset WHERE connection_id = $1 AND type = $2 AND id = $3 AND verification_requested_at = $4',
    values: [connectionId, type, id, claimedUntil],
  });
  if (removed === 0) return false;
  await tx.run({ text: 'DELETE FROM asset WHERE connection_id = $1 AND parent_id = $2', values: [connectionId, id] });
  return true;
}
