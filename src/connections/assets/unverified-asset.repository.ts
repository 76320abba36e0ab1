import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { AssetType } from '../credentials/credential-kind.ts';
import type { ConnectionId, CredentialId } from '../ids.ts';
import type { StatusReasonCode } from '../status/status-reason.ts';

/** An asset that may be out of reach, according to Meta. */
export interface UnverifiedAsset {
  connectionId: ConnectionId;
  tenant: string;
  product: string;
  type: AssetType;
  id: string;
  credentialId: CredentialId | null;
  /** The parent asset: a number's account. */
  parentId: string | null;
  /** What Meta said happened; null: unknown. */
  reason: StatusReasonCode | null;
  /** When the claim ends, which also identifies it: a newer request has another time. */
  claimedUntil: Date;
}

interface UnverifiedAssetRow {
  connection_id: ConnectionId;
  tenant: string;
  product: string;
  type: AssetType;
  id: string;
  credential_id: CredentialId | null;
  parent_id: string | null;
  verification_reason: StatusReasonCode | null;
  verification_requested_at: Date;
}

interface VerificationRequest {
  type: AssetType;
  ids: readonly string[];
  /** Null: keeps the earlier reason. */
  reason: StatusReasonCode | null;
  now: Date;
}

const request = defineStatement<VerificationRequest>(
  'request_asset_verification',
  ({ type, ids, reason, now }) => sql`UPDATE asset a SET verification_requested_at = ${now},
      verification_reason = coalesce(${reason}, a.verification_reason) FROM connection n
    WHERE a.type = ${type} AND a.id = ANY (${ids}) AND n.id = a.connection_id AND n.status = 'active'`,
  { prepare: true },
);

const claimDue = defineStatement<{ now: Date; claimedUntil: Date; limit: number }, UnverifiedAssetRow>(
  'claim_unverified_assets',
  ({ now, claimedUntil, limit }) => sql`UPDATE asset a SET verification_requested_at = ${claimedUntil} FROM connection n
    WHERE n.id = a.connection_id AND (a.connection_id, a.type, a.id) IN (
      SELECT connection_id, type, id FROM asset WHERE verification_requested_at <= ${now}
      ORDER BY verification_requested_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)
    RETURNING a.connection_id, n.tenant, n.product, a.type, a.id, a.credential_id, a.parent_id, a.verification_reason,
      a.verification_requested_at`,
  { prepare: true },
);

interface ClaimedAsset {
  connectionId: ConnectionId;
  type: AssetType;
  id: string;
  claimedUntil: Date;
}

const clear = defineStatement<ClaimedAsset>(
  'asset_verification_clear',
  ({
    connectionId,
    type,
    id,
    claimedUntil,
  }) => sql`UPDATE asset SET verification_requested_at = NULL, verification_reason = NULL
    WHERE connection_id = ${connectionId} AND type = ${type} AND id = ${id} AND verification_requested_at = ${claimedUntil}`,
);

const deleteClaimed = defineStatement<ClaimedAsset>(
  'claimed_asset_delete',
  ({ connectionId, type, id, claimedUntil }) => sql`DELETE FROM asset
    WHERE connection_id = ${connectionId} AND type = ${type} AND id = ${id} AND verification_requested_at = ${claimedUntil}`,
);

/** A deleted asset. */
interface DeletedAsset {
  type: AssetType;
  id: string;
}

const deleteChildren = defineStatement<{ connectionId: ConnectionId; parentId: string }, DeletedAsset>(
  'asset_children_delete',
  ({ connectionId, parentId }) =>
    sql`DELETE FROM asset WHERE connection_id = ${connectionId} AND parent_id = ${parentId} RETURNING type, id`,
);

/** For active connections of all tenants. Returns the number of assets. */
export async function requestAssetVerification(executor: SqlExecutor, of: VerificationRequest): Promise<number> {
  return executor.run(request(of));
}

/** Claims due assets, longest due first. */
export async function claimUnverifiedAssets(
  executor: SqlExecutor,
  of: { now: Date; claimedUntil: Date; limit: number },
): Promise<UnverifiedAsset[]> {
  const rows = await executor.rows(claimDue(of));
  return rows.map((row) => ({
    connectionId: row.connection_id,
    tenant: row.tenant,
    product: row.product,
    type: row.type,
    id: row.id,
    credentialId: row.credential_id,
    parentId: row.parent_id,
    reason: row.verification_reason,
    claimedUntil: row.verification_requested_at,
  }));
}

/** Does nothing if verification was requested again since the claim. */
export async function clearAssetVerification(executor: SqlExecutor, asset: ClaimedAsset): Promise<void> {
  await executor.run(clear(asset));
}

/**
 * Deletes the asset and its children; returns all deleted. Does nothing if it was requested again or reconnected since
 * the claim.
 */
export async function deleteClaimedAsset(executor: SqlExecutor, asset: ClaimedAsset): Promise<DeletedAsset[]> {
  if ((await executor.run(deleteClaimed(asset))) === 0) return [];
  const { connectionId, type, id } = asset;
  return [{ type, id }, ...(await executor.rows(deleteChildren({ connectionId, parentId: id })))];
}
