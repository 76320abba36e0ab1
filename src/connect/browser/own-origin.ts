import type { FastifyRequest } from 'fastify';
import type { Config } from '../../config/config.ts';
import { ConnectFailedError } from '../connect-failed-error.ts';

/** Keeps other sites off what a page of ours posts. Throws `state_mismatch` where `Origin` is not ours. */
export function requireOwnOrigin(request: FastifyRequest, { publicUrl }: Config): void {
  if (request.headers.origin !== new URL(publicUrl).origin)
    throw new ConnectFailedError('state_mismatch', { isFinal: true });
}
