import type { FastifyRequest } from 'fastify';
import type { Id } from '../platform/ids.ts';
import type { AuthenticatedClient } from './authenticated-client.ts';
import type { CallerId } from './ids.ts';

/** The refused caller, as far as it is known. */
export interface RefusedCaller extends Pick<AuthenticatedClient, 'person'> {
  readonly clientId: CallerId;
}

/** A request refused because of its credential, address or policy. */
export interface Refusal {
  /** Refusals with the same kind and source are recorded together. */
  kind: string;
  /** The client's id if authenticated, otherwise the network address. */
  source: string;
  /** Null if not authenticated. */
  caller: RefusedCaller | null;
  tenant?: string;
  product?: string;
  connectionId?: Id<'con'>;
  requestId: string;
  /** `reason` and hints for operators; never a key, a token, or anything from a body. */
  details: { reason: string } & Record<string, string>;
}

/** Creates the refusal of an authenticated client, with the route's pattern. */
export function createClientRefusal(caller: RefusedCaller, request: FastifyRequest, reason: string): Refusal {
  const route = `${request.method} ${request.routeOptions.url ?? 'unmatched'}`;
  const { clientId: source } = caller;
  return { kind: reason, source, caller, requestId: String(request.id), details: { reason, route } };
}
