import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { AuthenticatedRequest } from '../auth/decorators.ts';
import type { CallerId } from '../auth/ids.ts';
import { invalidInputError } from '../platform/problem.ts';

/** A request that creates something. */
export interface IdempotentCall {
  /** Null without the header. */
  readonly key: string | null;
  readonly clientId: CallerId;
  /** Without query and trailing slash: a key is valid for one path only. */
  readonly path: string;
  /** As parsed, not yet validated. */
  readonly body: unknown;
  readonly reply: FastifyReply;
}

/** Injects the call for `IdempotencyService`, on routes with `Roles`. Throws 400 for a malformed `Idempotency-Key`. */
export const Idempotent = createParamDecorator((_: unknown, context: ExecutionContext): IdempotentCall => {
  const http = context.switchToHttp();
  const { client, headers, url, body } = http.getRequest<AuthenticatedRequest>();
  if (client === undefined) throw new Error('this route is not guarded by Roles');
  const [path = ''] = url.split('?', 1);
  return {
    key: parseIdempotencyKey(headers['idempotency-key']),
    clientId: client.clientId,
    path: path.replace(/\/$/, ''),
    body,
    reply: http.getResponse<FastifyReply>(),
  };
});

const PRINTABLE = /^[\x20-\x7e]{1,255}$/;
/** A string of RFC 9651, 3.3.3, as draft-ietf-httpapi-idempotency-key-header requires. */
const QUOTED = /^"((?:[^"\\]|\\["\\])*)"$/;

/**
 * Parses the header. Most clients send the bare key; the IETF draft quotes it. Both mean the same key. Throws 400
 * unless it has 1 to 255 printable ASCII characters.
 */
export function parseIdempotencyKey(header: string | string[] | undefined): string | null {
  if (header === undefined) return null;
  const text = String(header);
  const key = QUOTED.exec(text)?.[1]?.replaceAll(/\\(.)/g, '$1') ?? text;
  if (!PRINTABLE.test(key)) throw invalidInputError('Idempotency-Key', 'must be 1 to 255 printable ASCII characters');
  return key;
}

/** Serializes JSON so that the order of members and white space do not matter. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value ?? null, (_, each: unknown) =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  );
}
