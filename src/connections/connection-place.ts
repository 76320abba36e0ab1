import type { ConnectionId } from './ids.ts';
/** The fields that audit entries and events of a connection share. */
export interface ConnectionPlace {
  tenant: string;
  product: string;
  connectionId: ConnectionId;
}

/** Reduces an object to its place. */
export function placeOf({ tenant, product, connectionId }: ConnectionPlace): ConnectionPlace {
  return { tenant, product, connectionId };
}
