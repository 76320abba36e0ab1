import type { FastifyRequest } from 'fastify';

const BEARER = /^bearer +([\x21-\x7e]+) *$/i;

/** Returns the token of `Authorization: Bearer` (RFC 6750, 2.1), or undefined without a well-formed one. */
export function readBearerToken({ headers }: Pick<FastifyRequest, 'headers'>): string | undefined {
  return BEARER.exec(headers.authorization ?? '')?.[1];
}
