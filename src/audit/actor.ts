import type { Caller } from '../auth/authenticated-client.ts';
import type { Actor } from './audit-log.ts';

/** A caller as the audit record names it. */
export function actorOf(caller: Caller): Actor {
  return { kind: 'client', id: caller.clientId };
}
