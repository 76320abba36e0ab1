import type { FastifyReply } from 'fastify';
import type { AuthenticatedClient } from '../authenticated-client.ts';
import { toRetryAfterSeconds } from './retry-after.ts';
import type { LimitDecision } from './shared-limit.ts';

/**
 * Tells a client its limit and what is left of the current second, in the form of
 * draft-ietf-httpapi-ratelimit-headers-11: `RateLimit-Policy: "client";q=20;w=1` and `RateLimit: "client";r=19;t=1`.
 * Nothing if it has no limit.
 */
export function setRateLimitHeaders(
  reply: FastifyReply,
  { rateLimitPerSecond: limit }: AuthenticatedClient,
  decision: LimitDecision,
): void {
  if (limit === null) {
    reply.removeHeader('ratelimit-policy');
    reply.removeHeader('ratelimit');
    return;
  }
  reply.header('ratelimit-policy', `"client";q=${limit};w=1`);
  reply.header('ratelimit', `"client";r=${decision.remaining};t=${toRetryAfterSeconds(decision)}`);
}
