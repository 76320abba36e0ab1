import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { AssetType } from '../credentials/credential-kind.ts';
import type { ConnectionId } from '../ids.ts';
import type { AssetValues } from './asset.repository.ts';

/** Types whose inspection shows whether an asset is still within reach: see `AssetInspectionService`. */
export type InspectableAssetType = Extract<AssetType, 'whatsapp_business_account' | 'phone_number' | 'page'>;

const INSPECTABLE: Readonly<Record<InspectableAssetType, true>> = {
  whatsapp_business_account: true,
  phone_number: true,
  page: true,
};

interface NewAssets {
  connectionId: ConnectionId;
  types: AssetType[];
  ids: string[];
  parentIds: (string | null)[];
  now: Date;
}

// A number elsewhere under the same account has not moved, nor has an asset that one user connected for two tenants.
// Skips rows locked by other transactions: those are being replaced or inspected, and waiting could deadlock.
const request = defineStatement<NewAssets>(
  'moved_assets_request_verification',
  ({ connectionId, types, ids, parentIds, now }) => sql`UPDATE asset a SET verification_requested_at = ${now}
    WHERE (a.connection_id, a.type, a.id) IN (
      SELECT o.connection_id, o.type, o.id
      FROM unnest(${types}::text[], ${ids}::text[], ${parentIds}::text[]) AS g (type, id, parent_id)
      JOIN connection own ON own.id = ${connectionId}
      JOIN asset o ON o.type = g.type AND o.id = g.id AND o.connection_id <> own.id
      JOIN connection n ON n.id = o.connection_id AND n.status = 'active'
      WHERE CASE WHEN g.type = 'phone_number' THEN o.parent_id IS DISTINCT FROM g.parent_id
        ELSE (n.app_id, n.meta_user_id) IS DISTINCT FROM (own.app_id, own.meta_user_id) END
      FOR UPDATE OF o SKIP LOCKED)`,
);

/**
 * Assets new to a connection may have moved there. Requests verification where other active connections hold them under
 * another owner; returns how many are due.
 */
export async function requestVerificationElsewhere(
  executor: SqlExecutor,
  connectionId: ConnectionId,
  added: readonly Pick<AssetValues, 'type' | 'id' | 'parentId'>[],
  now: Date,
): Promise<number> {
  const inspectable = added.filter(({ type }) => Object.hasOwn(INSPECTABLE, type));
  if (inspectable.length === 0) return 0;
  const types = inspectable.map(({ type }) => type);
  const ids = inspectable.map(({ id }) => id);
  const parentIds = inspectable.map(({ parentId }) => parentId);
  return executor.run(request({ connectionId, types, ids, parentIds, now }));
}
