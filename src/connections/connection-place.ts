import type { ConnectionId } from './ids.ts';
/** Where audit entries and events of a connection belong. */
export interface ConnectionPlace {
  tenant: string;
  product: string;
  connectionId: ConnectionId;
}

/** Nothing but the place, of something that has more. */
export function placeOf({ tenant, product, connectionId }: ConnectionPlace): ConnectionPlace {
  return { tenant, product, connectionId };
}
