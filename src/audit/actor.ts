import type { AuthenticatedClient } from '../auth/authenticated-client.ts';

export const ACTOR_KINDS = ['client', 'browser', 'meta', 'operator', 'system'] as const;

/**
 * Who performed an action: a client (by id), a user's browser, Meta (by callback), an operator at the command line, or
 * the service.
 */
export interface Actor {
  kind: (typeof ACTOR_KINDS)[number];
  id: string | null;
}

export const SYSTEM: Actor = Object.freeze({ kind: 'system', id: null });

/** Converts a client to an actor. */
export function toActor(client: AuthenticatedClient): Actor {
  return { kind: 'client', id: client.clientId };
}
