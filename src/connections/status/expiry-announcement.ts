import type { Transaction } from '../../database/database.ts';
import type { Outbox } from '../../events/outbox/outbox.ts';
import type { ConnectionId } from '../ids.ts';

/**
 * Why a connection ends: data access expires, which only the user can renew, or its token expires and refreshing fails.
 */
export type ExpiryCause = 'data_access_expires' | 'token_expires';

/** Publishes `connection.expiring` with the number of days left at most. */
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
