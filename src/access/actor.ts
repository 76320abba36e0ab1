import type { Actor } from '../audit/audit-log.ts';
import type { Caller } from './caller.ts';

/** A caller as the audit record names it. */
export function actorOf(caller: Caller): Actor {
  return { kind: 'client', id: caller.clientId };
}
