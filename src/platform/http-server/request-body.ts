import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AppError, invalidInputError, payloadTooLarge, unsupportedMediaType } from '../problem.ts';
import { type ChunkListener, collectBody } from './collect-body.ts';
import { checkJsonObject, parseJsonBody } from './json-body.ts';
import type { RequestBodyLimits } from './monitored-body.ts';

/**
 * What a route's handler gets as `request.body`:
 * - `json` (every route that does not say otherwise): a JSON object; no body at all is `undefined`
 * - `form`: a flat object of strings from `application/x-www-form-urlencoded`; a JSON object is taken as well
 * - `raw`: an `UnreadBody`, whatever its media type: the handler reads the bytes as they came (signatures are over bytes)
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

/** A body that the handler itself reads, once and after it has looked at the headers. */
class UnreadBody {
  constructor(
    private readonly request: FastifyRequest,
    private readonly limits: RequestBodyLimits,
  ) {}

  /** All bytes, up to 4 MiB; `onChunk` gets them as they arrive. Throws 408, 413, 415, 503. */
  read(onChunk: ChunkListener): Promise<Buffer> {
    return collect(this.request, MAX_RAW_BODY_BYTES, (chunk) => {
      this.limits.keep(chunk.length);
      onChunk(chunk);
    });
  }
}

/** The body of a route that takes a `raw` one; a request without a body has an empty one. */
export async function readRawBody({ body }: { body: unknown }, onChunk: ChunkListener): Promise<Buffer> {
  return body instanceof UnreadBody ? body.read(onChunk) : Buffer.alloc(0);
}

/** What the reading of bodies needs to know of the server. */
export interface BodyParserOptions {
  limitsOf(request: FastifyRequest): RequestBodyLimits;
  /** Throws where the caller is not known; null: nobody can be known before the body has been read. */
  authenticate: () => ((request: FastifyRequest) => Promise<unknown>) | null;
  /** Whether the route is for known callers only. */
  requiresAuthentication(request: FastifyRequest): boolean;
}

/** Reads bodies as the routes say, in place of Fastify's parsers. Refusals name the fault. */
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

/** More than this is read only from known callers, where the route is for them; less counts against nothing there. */
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
