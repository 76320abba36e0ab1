import type { AuthenticatedClient } from '../auth/authenticated-client.ts';

/**
 * Who performed an action: a client (by its id), a user's browser, Meta through a callback, an operator at the command line, or the service
 * itself.
 */
export interface Actor {
  kind: 'client' | 'browser' | 'meta' | 'operator' | 'system';
  id: string | null;
}

export const SYSTEM: Actor = Object.freeze({ kind: 'system', id: null });

/** A client as the audit record names it. */
export function toActor(client: AuthenticatedClient): Actor {
  return { kind: 'client', id: client.clientId };
}
