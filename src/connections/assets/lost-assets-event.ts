import type { OutboxEvent } from '../../events/outbox/outbox.ts';
import { type ConnectionPlace, placeOf } from '../connection-place.ts';
import type { ConnectionStatus } from '../status/connection-status.ts';
import type { AssetValues } from './asset.repository.ts';

/** Of a list in an event. */
const MAX_LISTED = 100;

type LostAsset = Pick<AssetValues, 'type' | 'id'>;

/** Assets of a connection that are out of reach are gone from it. `status`: the connection's after that; `left`: how many assets it has. */
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
