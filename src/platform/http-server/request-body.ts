import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AppError, invalidInputError, payloadTooLarge, unsupportedMediaType } from '../problem.ts';
import { readStream } from '../read-stream.ts';
import { checkJsonObject, parseJsonBody } from './json-body.ts';

/**
 * What a route's handler gets as `request.body`:
 * - `json` (every route that does not say otherwise): a JSON object; no body at all is `undefined`
 * - `form`: a flat object of strings from `application/x-www-form-urlencoded`; a JSON object is taken as well
 * - `raw`: the bytes as they came, as a Buffer, whatever their media type (signatures are over bytes)
 */
export type BodyKind = 'json' | 'form' | 'raw';

interface BodyConfig {
  body?: BodyKind;
}

/** Says on a route of a controller what kind of body it takes. */
export const TakesBody = (kind: BodyKind): MethodDecorator =>
  RouteConfig({ body: kind } satisfies BodyConfig) as MethodDecorator;

function bodyKind(request: FastifyRequest): BodyKind {
  return (request.routeOptions.config as BodyConfig).body ?? 'json';
}

/** The most that a body may have. */
export const MAX_BODY_BYTES = 1024 * 1024;
/** Raw bodies are Meta's webhooks: up to a thousand updates in one. */
const MAX_RAW_BODY_BYTES = 4 * 1024 * 1024;

/** Reads bodies as the routes say, in place of Fastify's parsers. Refusals name the fault. */
export function registerBodyParsers(fastify: FastifyInstance): void {
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser(
    '*',
    async (request: FastifyRequest, payload: AsyncIterable<Buffer>): Promise<unknown> => {
      const kind = bodyKind(request);
      const mediaType = readMediaType(request);
      if (kind !== 'raw') requireKnown(mediaType, kind);
      const bytes = await collect(request, payload, kind === 'raw' ? MAX_RAW_BODY_BYTES : MAX_BODY_BYTES);
      if (kind === 'raw') return bytes;
      if (bytes.length === 0) return undefined;
      const text = decodeUtf8(bytes);
      if (mediaType.type !== FORM) return parseJsonBody(text);
      return checkJsonObject(parseForm(text));
    },
  );
}

const JSON_TYPE = 'application/json';
const FORM = 'application/x-www-form-urlencoded';

interface MediaType {
  type: string;
  charset: string;
}

function readMediaType(request: FastifyRequest): MediaType {
  const [type = '', ...parameters] = (request.headers['content-type'] ?? '')
    .split(';')
    .map((part) => part.trim().toLowerCase());
  const charset = parameters.find((parameter) => parameter.startsWith('charset='))?.slice('charset='.length) ?? 'utf-8';
  return { type, charset: charset.replaceAll('"', '') };
}

function requireKnown({ type, charset }: MediaType, kind: BodyKind): void {
  const known = type === JSON_TYPE || (kind === 'form' && type === FORM);
  if (!known) throw new AppError(unsupportedMediaType);
  if (charset !== 'utf-8' && charset !== 'utf8')
    throw new AppError(unsupportedMediaType, { detail: 'The body must be in UTF-8.' });
}

async function collect(request: FastifyRequest, payload: AsyncIterable<Buffer>, limitBytes: number): Promise<Buffer> {
  const tooLarge = { detail: `The body is larger than ${limitBytes / 1024 / 1024} MiB.` };
  if (Number(request.headers['content-length'] ?? 0) > limitBytes) throw new AppError(payloadTooLarge, tooLarge);
  if (request.headers['content-encoding'] !== undefined && request.headers['content-encoding'] !== 'identity') {
    throw new AppError(unsupportedMediaType, { detail: 'The body must not be compressed.' });
  }
  return readStream(payload, limitBytes, () => new AppError(payloadTooLarge, tooLarge));
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function decodeUtf8(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch (error) {
    throw new AppError(invalidInputError('body', 'is not valid UTF-8').type, {
      detail: 'The body is not valid UTF-8.',
      errors: [{ path: 'body', message: 'is not valid UTF-8' }],
      cause: error,
    });
  }
}

function parseForm(text: string): Record<string, string> {
  const fields: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [name, value] of new URLSearchParams(text)) {
    if (name in fields) throw invalidInputError(name, 'is given more than once');
    fields[name] = value;
  }
  return { ...fields };
}
