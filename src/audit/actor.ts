import type { AuthenticatedClient } from '../auth/authenticated-client.ts';

export const ACTOR_KINDS = ['client', 'person', 'browser', 'meta', 'operator', 'system'] as const;

/**
 * Who performed an action: a client (by id), a person in the console (by what they signed in as), a user's browser,
 * Meta (by callback), an operator at the command line, or the service.
 */
export interface Actor {
  kind: (typeof ACTOR_KINDS)[number];
  id: string | null;
  /** Of a person: added to the details of each entry. */
  person?: { name: string; session_id: string };
}

export const SYSTEM: Actor = Object.freeze({ kind: 'system', id: null });

/** Converts a client, or the person of a session, to an actor. */
export function toActor({ clientId, person }: Pick<AuthenticatedClient, 'clientId' | 'person'>): Actor {
  if (person === undefined) return { kind: 'client', id: clientId };
  const { subject, name, sessionId } = person;
  return { kind: 'person', id: subject, person: { name, session_id: sessionId } };
}
