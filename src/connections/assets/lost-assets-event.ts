import type { OutboxEvent } from '../../events/outbox/outbox.ts';
import { type ConnectionPlace, placeOf } from '../connection-place.ts';
import type { ConnectionStatus } from '../status/connection-status.ts';
import type { AssetValues } from './asset.repository.ts';

/** Per list in an event. */
const MAX_LISTED = 100;

type LostAsset = Pick<AssetValues, 'type' | 'id'>;

/**
 * Builds the event for assets that are out of reach. `status`: the connection's status afterward. `left`: assets
 * remaining.
 */
export function lostAssetsEvent(
  of: ConnectionPlace,
  { status, removed, left }: { status: ConnectionStatus; removed: readonly LostAsset[]; left: number },
): OutboxEvent {
  const { connectionId, tenant, product } = of;
  return {
    ...placeOf(of),
    type: 'connection.assets_changed',
    data: {
      connection_id: connectionId,
      tenant,
      product,
      status,
      added: [],
      changed: [],
      removed: removed.slice(0, MAX_LISTED).map(({ type, id }) => ({ type, id })),
      counts: { added: 0, changed: 0, removed: removed.length, assets: left },
    },
  };
}
