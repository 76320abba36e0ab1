import type { Json } from './json.ts';

const header = (description: string, schema: Json, example: unknown): Json => ({ description, schema, example });
const always = (...parts: Parameters<typeof header>): Json => ({ ...header(...parts), required: true });

/** Header components, by name. */
export const HEADERS: Json = {
  'X-Request-Id': always(
    "The request's own X-Request-Id if it matches `[A-Za-z0-9._-]{1,64}`, else a new id. Logs and audit entries hold it.",
    { type: 'string' },
    'req_01k7gm2v9s8x4d0c6b5a3n1f2e',
  ),
  'Retry-After': header('Seconds to wait before the next attempt', { type: 'integer', minimum: 1 }, 2),
  'WWW-Authenticate': always('How to authenticate (RFC 6750)', { type: 'string' }, 'Bearer'),
  'RateLimit-Policy': header(
    "The client's limit: `q` requests in `w` seconds (draft-ietf-httpapi-ratelimit-headers). Absent if it has none.",
    { type: 'string' },
    '"client";q=20;w=1',
  ),
  RateLimit: header(
    'What is left of it: `r` requests in the next `t` seconds',
    { type: 'string' },
    '"client";r=19;t=1',
  ),
  'Idempotency-Replayed': header(
    'The answer is that of an earlier request with the same Idempotency-Key',
    { type: 'string', enum: ['true'] },
    'true',
  ),
  Durability: always(
    '`standby`: at least one standby of the database has it on disk, too, so a failover does not undo it. `primary`: the ' +
      'primary alone does, because there is no standby, or none answered within a second.',
    { type: 'string', enum: ['standby', 'primary'] },
    'standby',
  ),
  Allow: header('Methods of this path', { type: 'string' }, 'GET, POST'),
  Location: header(
    'Path of what was created',
    { type: 'string', format: 'uri-reference' },
    '/v1/clients/cli_01k7gm2v9s8x4d0c6b5a3n1f2e',
  ),
};

/** Returns references to header components. */
export function headerReferences(names: readonly string[]): Json {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

/** Headers of every response to an authenticated client. */
export const RATE_LIMIT_HEADERS = ['RateLimit-Policy', 'RateLimit'] as const;

/** Returns the names of the headers on responses with a status. */
export function headersOfStatus(status: string): string[] {
  return [
    'X-Request-Id',
    ...(status === '201' ? ['Location'] : []),
    ...(status === '401' ? ['WWW-Authenticate'] : []),
    ...(status === '429' || status === '503' ? ['Retry-After'] : []),
  ];
}
