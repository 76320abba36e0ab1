import type { AuthenticatedClient } from '../auth/authenticated-client.ts';
import type { Actor } from './audit-log.ts';

/** A caller as the audit record names it. */
export function toActor(client: AuthenticatedClient): Actor {
  return { kind: 'client', id: client.clientId };
}
