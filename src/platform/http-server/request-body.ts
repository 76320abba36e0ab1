import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AppError, invalidInputError, payloadTooLarge, unsupportedMediaType } from '../problem.ts';
import { type ChunkListener, collectBody } from './collect-body.ts';
import { checkJsonObject, parseJsonBody } from './json-body.ts';
import type { RequestBodyLimits } from './monitored-body.ts';

/**
 * What a handler gets as `request.body`:
 * - `json` (default): a JSON object, or `undefined` without a body
 * - `form`: a flat object of strings from `application/x-www-form-urlencoded`; JSON objects work too
 * - `raw`: an `UnreadBody` of any media type, whose bytes the handler reads as received (signatures cover bytes)
 */
export type BodyKind = 'json' | 'form' | 'raw';

interface BodyConfig {
  body?: BodyKind;
}

/** Declares the kind of body that a route accepts. */
export const TakesBody = (kind: BodyKind): MethodDecorator =>
  RouteConfig({ body: kind } satisfies BodyConfig) as MethodDecorator;

function bodyKind(request: FastifyRequest): BodyKind {
  return (request.routeOptions.config as BodyConfig).body ?? 'json';
}

export const MAX_BODY_BYTES = 1024 * 1024;
/** Raw bodies are Meta's webhooks, with up to a thousand updates each. */
const MAX_RAW_BODY_BYTES = 4 * 1024 * 1024;

/** A body that the handler reads itself, once, after checking the headers. */
class UnreadBody {
  constructor(
    private readonly request: FastifyRequest,
    private readonly limits: RequestBodyLimits,
  ) {}

  /** Reads all bytes, at most 4 MiB, passing them to `onChunk` as they arrive. Throws 408, 413, 415, 503. */
  read(onChunk: ChunkListener): Promise<Buffer> {
    return collect(this.request, MAX_RAW_BODY_BYTES, (chunk) => {
      this.limits.keep(chunk.length);
      onChunk(chunk);
    });
  }
}

/** Reads the body of a `raw` route; empty if the request has none. */
export async function readRawBody({ body }: { body: unknown }, onChunk: ChunkListener): Promise<Buffer> {
  return body instanceof UnreadBody ? body.read(onChunk) : Buffer.alloc(0);
}

export interface BodyParserOptions {
  limitsOf(request: FastifyRequest): RequestBodyLimits;
  /** Throws for unknown callers. Null: callers cannot be authenticated before the body is read. */
  authenticate: () => ((request: FastifyRequest) => Promise<unknown>) | null;
  /** Whether the route is for authenticated callers only. */
  requiresAuthentication(request: FastifyRequest): boolean;
}

/** Replaces Fastify's parsers with ones that follow `TakesBody` and name the fault. */
export function registerBodyParsers(fastify: FastifyInstance, options: BodyParserOptions): void {
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('*', async (request: FastifyRequest): Promise<unknown> => {
    const kind = bodyKind(request);
    const mediaType = readMediaType(request);
    if (kind === 'raw') return new UnreadBody(request, options.limitsOf(request));
    requireKnown(mediaType, kind);
    const bytes = await collectWithinLimits(request, options);
    if (bytes.length === 0) return undefined;
    const text = decodeUtf8(bytes);
    if (mediaType.type !== FORM) return parseJsonBody(text);
    return checkJsonObject(parseForm(text));
  });
}

/** On authenticated routes, larger bodies are read only from known callers, and smaller ones are not counted. */
const MAX_UNKNOWN_BYTES = 16 * 1024;

async function collectWithinLimits(request: FastifyRequest, options: BodyParserOptions): Promise<Buffer> {
  const limits = options.limitsOf(request);
  const authenticate = options.requiresAuthentication(request) ? options.authenticate() : null;
  if (authenticate === null) return collect(request, MAX_BODY_BYTES, (chunk) => limits.keep(chunk.length));
  let unknownBytes = 0;
  let isKnown = false;
  return collect(request, MAX_BODY_BYTES, async (chunk) => {
    unknownBytes += chunk.length;
    if (isKnown || unknownBytes <= MAX_UNKNOWN_BYTES) return;
    await authenticate(request);
    isKnown = true;
    limits.authenticated();
  });
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

async function collect(request: FastifyRequest, limitBytes: number, onChunk: ChunkListener): Promise<Buffer> {
  const tooLarge = { detail: `The body is larger than ${limitBytes / 1024 / 1024} MiB.` };
  if (Number(request.headers['content-length'] ?? 0) > limitBytes) throw new AppError(payloadTooLarge, tooLarge);
  if (request.headers['content-encoding'] !== undefined && request.headers['content-encoding'] !== 'identity') {
    throw new AppError(unsupportedMediaType, { detail: 'The body must not be compressed.' });
  }
  return collectBody(request.raw, limitBytes, () => new AppError(payloadTooLarge, tooLarge), onChunk);
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
