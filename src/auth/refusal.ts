import type { FastifyRequest } from 'fastify';
import type { Id } from '../platform/ids.ts';
import type { ClientId } from './ids.ts';

/** One request that was refused for who sent it, from where, or for what its client may not do. */
export interface Refusal {
  /** Refusals of one kind from one source are recorded together. */
  kind: string;
  /** The client's id where it is authenticated, else the network. */
  source: string;
  /** Null where nobody was authenticated. */
  clientId: ClientId | null;
  tenant?: string;
  product?: string;
  connectionId?: Id<'con'>;
  requestId: string;
  /** `reason`, and what helps operators: never a key, a token, or what came in a body. */
  details: { reason: string } & Record<string, string>;
}

/** What an authenticated client may not do, by the pattern of the route. */
export function createClientRefusal(clientId: ClientId, request: FastifyRequest, reason: string): Refusal {
  const route = `${request.method} ${request.routeOptions.url ?? 'unmatched'}`;
  return { kind: reason, source: clientId, clientId, requestId: String(request.id), details: { reason, route } };
}
