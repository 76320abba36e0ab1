import type { Transaction } from '../../database/database.ts';
import type { Outbox } from '../../events/outbox/outbox.ts';
import type { ConnectionId } from '../ids.ts';

/** Why a connection ends: its data access does (only the user can prolong it), or its token does and refreshing it fails. */
export type ExpiryCause = 'data_access_expires' | 'token_expires';

/** The event `connection.expiring`, with the days that are left at the most. */
export async function announceExpiring(
  tx: Transaction,
  outbox: Outbox,
  of: { connectionId: ConnectionId; tenant: string; product: string },
  cause: ExpiryCause,
  endsAt: Date,
  days: number,
): Promise<void> {
  await outbox.add(tx, {
    type: 'connection.expiring',
    tenant: of.tenant,
    product: of.product,
    connectionId: of.connectionId,
    data: {
      connection_id: of.connectionId,
      tenant: of.tenant,
      product: of.product,
      status: 'active',
      cause,
      expires_at: endsAt,
      days_left: days,
    },
  });
}
