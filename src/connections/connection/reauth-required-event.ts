import type { OutboxEvent } from '../../events/outbox/outbox.ts';
import { type ConnectionPlace, placeOf } from '../connection-place.ts';
import type { DeathReason } from '../status/status-reason.ts';

/** Builds `connection.reauth_required`: only the user can restore the connection. */
export function reauthRequiredEvent(of: ConnectionPlace, { code, detail, remedy, meta }: DeathReason): OutboxEvent {
  return {
    ...placeOf(of),
    type: 'connection.reauth_required',
    data: {
      connection_id: of.connectionId,
      tenant: of.tenant,
      product: of.product,
      status: 'reauth_required',
      reason: { code, detail, remedy, ...(meta === undefined ? {} : { meta }) },
    },
  };
}
