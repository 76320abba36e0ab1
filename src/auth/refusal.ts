import type { FastifyRequest } from 'fastify';
import type { Id } from '../platform/ids.ts';
import type { ClientId } from './ids.ts';

/** One request that was refused because of its credential, its address, or its client's policy. */
export interface Refusal {
  /** Refusals of one kind from one source are recorded together. */
  kind: string;
  /** The client's id if it is authenticated, otherwise the network. */
  source: string;
  /** Null if nobody was authenticated. */
  clientId: ClientId | null;
  tenant?: string;
  product?: string;
  connectionId?: Id<'con'>;
  requestId: string;
  /** `reason`, and what helps operators: never a key, a token, or anything from a body. */
  details: { reason: string } & Record<string, string>;
}

/** A refusal of an authenticated client, by the pattern of the route. */
export function createClientRefusal(clientId: ClientId, request: FastifyRequest, reason: string): Refusal {
  const route = `${request.method} ${request.routeOptions.url ?? 'unmatched'}`;
  return { kind: reason, source: clientId, clientId, requestId: String(request.id), details: { reason, route } };
}
