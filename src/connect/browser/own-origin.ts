import type { FastifyRequest } from 'fastify';
import type { Config } from '../../config/config.ts';
import { ConnectFailedError } from '../connect-failed-error.ts';

/** Keeps other sites from posting to our pages' routes. Throws `state_mismatch` if `Origin` isn't ours. */
export function requireOwnOrigin(request: FastifyRequest, { publicUrl }: Config): void {
  if (request.headers.origin !== new URL(publicUrl).origin)
    throw new ConnectFailedError('state_mismatch', { isFinal: true });
}
