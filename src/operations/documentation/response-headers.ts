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
  Allow: header('Methods of this path', { type: 'string' }, 'GET, POST'),
  Location: header(
    'Path of what was made',
    { type: 'string', format: 'uri-reference' },
    '/v1/clients/cli_01k7gm2v9s8x4d0c6b5a3n1f2e',
  ),
};

/** Returns references to header components. */
export function headerReferences(names: readonly string[]): Json {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

/** Returns the names of the headers that answers of a status carry. */
export function headersOfStatus(status: string): string[] {
  return [
    'X-Request-Id',
    ...(status === '201' ? ['Location'] : []),
    ...(status === '401' ? ['WWW-Authenticate'] : []),
    ...(status === '429' || status === '503' ? ['Retry-After'] : []),
  ];
}
