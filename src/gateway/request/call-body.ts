import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import type { RequestBodyLimits } from '../../platform/http-server/monitored-body.ts';
import { MAX_BODY_BYTES } from '../../platform/http-server/request-body.ts';
import { readStream } from '../../platform/read-stream.ts';
import { EMPTY_BUFFER } from '../empty-buffer.ts';
import { GatewayError } from '../gateway-error.ts';
import { type ItemCredentials, parseBatch, rewriteBatch } from './batch.ts';
import { type GatewayPath, isByteUpload } from './gateway-path.ts';
import {
  collectJsonParameters,
  isJsonObject,
  type JsonParameters,
  mayHaveControlParameters,
  parseJson,
  withoutCredentials,
  writeJson,
} from './json-parameters.ts';
import { JsonStreamValidator } from './json-stream-validator.ts';
import { MultipartStreamValidator, readBoundary, readFormHead, writeFields } from './multipart.ts';
import {
  type ControlParameters,
  canonicalName,
  collectParameter,
  isCredentialName,
  joinParameters,
  parseParameters,
} from './parameters.ts';
import { validatedBody } from './validated-body.ts';

/** The body for Meta. */
export interface OutgoingBody {
  content: Buffer | Readable | null;
  contentType: string | null;
  /** In bytes; null if unknown or without a body. */
  length: number | null;
}

/** The body of a call, read as far as it determines what the call does. */
export interface CallBody {
  /** Whether its parameters are known. If not, Meta gets it as plain bytes. */
  isParsed: boolean;
  isEmpty: boolean;
  collectParameters(controls: ControlParameters): void;
  /** Returns the body for Meta: without the client's tokens and proofs, its batch rewritten. */
  outgoing(batch: BatchRewrite): OutgoingBody | Promise<OutgoingBody>;
}

interface BatchRewrite {
  credentials: ItemCredentials;
  /** The batch of the query. It moves to the body, because its items may contain tokens. */
  queryBatch: string | null;
}

const FORM = 'application/x-www-form-urlencoded';
const JSON_TYPE = 'application/json';

/**
 * Reads a form or JSON completely (up to 1 MiB; longer JSON is checked while it streams), a multipart form up to its
 * first file, and streams any other body. Throws `GatewayError`.
 */
export async function readCallBody(
  request: IncomingMessage,
  path: GatewayPath,
  limits: RequestBodyLimits,
): Promise<CallBody> {
  const { headers } = request;
  if (headers['transfer-encoding'] === undefined && (headers['content-length'] ?? '0') === '0') return NO_BODY;
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw new GatewayError('invalid_request', { detail: 'Bodies must not be compressed.' });
  }
  const contentType = headers['content-type'] ?? '';
  const type = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (isByteUpload(path)) return opaqueBody(request, neutralContentType(type, contentType));
  if (type.startsWith('multipart/')) return multipartBody(request, contentType, limits);
  const isJson = type.includes('json');
  if (!isJson && type !== '' && !type.includes('urlencoded')) return opaqueBody(request, contentType);
  requireUtf8(contentType);
  if (isJson && (lengthOf(request) ?? 0) > MAX_BODY_BYTES) return streamedJsonBody(request, contentType);
  const bytes = await readAll(request, limits);
  return isJson ? jsonBody(bytes, contentType) : formBody(bytes);
}

const NO_CONTENT: OutgoingBody = { content: null, contentType: null, length: null };
const NO_BODY: CallBody = {
  isParsed: true,
  isEmpty: true,
  collectParameters: () => undefined,
  outgoing: ({ queryBatch, credentials }) =>
    queryBatch === null ? NO_CONTENT : formWithBatch('', queryBatch, credentials),
};

/** A content type that keeps Meta from parsing parameters in bytes that were not parsed here. */
function neutralContentType(type: string, contentType: string): string {
  const isParameters =
    type === '' || type.includes('json') || type.includes('urlencoded') || type.startsWith('multipart/');
  return isParameters ? 'application/octet-stream' : contentType;
}

function opaqueBody(request: IncomingMessage, contentType: string): CallBody {
  return {
    isParsed: false,
    isEmpty: false,
    collectParameters: () => undefined,
    outgoing: async ({ queryBatch }) => {
      if (queryBatch !== null) throw batchInOpaqueBodyError();
      return { content: request, contentType, length: lengthOf(request) };
    },
  };
}

/** Streams large JSON, as Meta's SDK sends images. It may contain nothing that determines what the call does. */
function streamedJsonBody(request: IncomingMessage, contentType: string): CallBody {
  return {
    isParsed: false,
    isEmpty: false,
    collectParameters: () => undefined,
    outgoing: async ({ queryBatch }) => {
      if (queryBatch !== null) throw batchInOpaqueBodyError();
      return {
        content: validatedBody(request, EMPTY_BUFFER, new JsonStreamValidator()),
        contentType,
        length: lengthOf(request),
      };
    },
  };
}

function batchInOpaqueBodyError(): GatewayError {
  return new GatewayError('invalid_request', { detail: 'A batch must be a form or JSON.' });
}

async function multipartBody(
  request: IncomingMessage,
  contentType: string,
  limits: RequestBodyLimits,
): Promise<CallBody> {
  const head = await readFormHead(keptChunks(request, limits), readBoundary(contentType));
  return {
    isParsed: true,
    isEmpty: false,
    collectParameters: (controls) => {
      for (const { name, value } of head.fields)
        collectParameter(controls, canonicalName(name), value.toString('utf8'));
    },
    outgoing: async ({ credentials, queryBatch }) => {
      if (queryBatch !== null) throw batchInOpaqueBodyError();
      const kept = head.fields.filter(({ name }) => !isCredentialName(canonicalName(name)));
      const fields = await Promise.all(
        kept.map(async ({ name, value }) =>
          canonicalName(name) === 'batch'
            ? { name: 'batch', value: Buffer.from(await batchText(value.toString('utf8'), credentials)) }
            : { name, value },
        ),
      );
      const written = writeFields(fields, head.boundary);
      const whole = lengthOf(request);
      const validator = new MultipartStreamValidator(head.boundary);
      validator.push(head.rest);
      return {
        content: validatedBody(request, Buffer.concat([written, head.rest]), validator),
        contentType,
        length: whole === null ? null : whole - head.length + written.length,
      };
    },
  };
}

function formBody(bytes: Buffer): CallBody {
  const parameters = parseParameters(bytes.toString('utf8'));
  if (parameters === null)
    throw new GatewayError('invalid_request', { detail: 'The form is not percent-encoded UTF-8.' });
  return {
    isParsed: true,
    isEmpty: false,
    collectParameters: (controls) => {
      for (const { name, value } of parameters) collectParameter(controls, name, value);
    },
    outgoing: async ({ credentials, queryBatch }) => {
      const kept = parameters.filter(({ name }) => !isCredentialName(name) && name !== 'batch');
      const batch = queryBatch ?? parameters.find(({ name }) => name === 'batch')?.value;
      const form = joinParameters(kept);
      if (batch !== undefined) return formWithBatch(form, batch, credentials);
      const unchanged = kept.length === parameters.length;
      return outgoingText(unchanged ? bytes : form, FORM);
    },
  };
}

async function formWithBatch(form: string, batch: string, credentials: ItemCredentials): Promise<OutgoingBody> {
  const field = `batch=${encodeURIComponent(await batchText(batch, credentials))}`;
  return outgoingText(form === '' ? field : `${form}&${field}`, FORM);
}

async function batchText(batch: string, credentials: ItemCredentials): Promise<string> {
  return writeJson(await rewriteBatch(parseBatch(batch), credentials));
}

function jsonBody(bytes: Buffer, contentType: string): CallBody {
  const text = bytes.toString('utf8');
  const value = mayHaveControlParameters(text) ? parseJson(text) : null;
  if (value !== null && !isJsonObject(value)) {
    throw new GatewayError('invalid_request', { detail: 'The JSON body must be an object.' });
  }
  return {
    isParsed: true,
    isEmpty: false,
    collectParameters: (controls) => {
      if (value !== null) collectJsonParameters(controls, value);
    },
    outgoing: async (batch) => {
      if (value === null && batch.queryBatch === null) return outgoingText(bytes, contentType);
      return outgoingText(writeJson(await rewriteMembers(value ?? parseObject(text), batch)), JSON_TYPE);
    },
  };
}

function parseObject(text: string): JsonParameters {
  const value = text.trim() === '' ? {} : parseJson(text);
  if (!isJsonObject(value)) throw new GatewayError('invalid_request', { detail: 'The JSON body must be an object.' });
  return value;
}

async function rewriteMembers(
  members: JsonParameters,
  { credentials, queryBatch }: BatchRewrite,
): Promise<JsonParameters> {
  const kept = withoutCredentials(members);
  const key = Object.keys(kept).find((name) => canonicalName(name) === 'batch');
  const batch = queryBatch ?? (key === undefined ? undefined : kept[key]);
  if (batch === undefined) return kept;
  const items = await rewriteBatch(parseBatch(batch), credentials);
  if (key !== undefined) delete kept[key];
  // Text stays text, an array an array: docs/meta-facts.md#batches
  return { ...kept, batch: typeof batch === 'string' ? writeJson(items) : items };
}

function outgoingText(text: string | Buffer, contentType: string): OutgoingBody {
  const content = typeof text === 'string' ? Buffer.from(text, 'utf8') : text;
  return { content, contentType, length: content.length };
}

/** With another charset Meta would decode other text than we did. */
function requireUtf8(contentType: string): void {
  const charset = /charset\s*=\s*"?([^";\s]*)/i.exec(contentType)?.[1]?.toLowerCase();
  if (charset !== undefined && charset !== 'utf-8' && charset !== 'utf8') {
    throw new GatewayError('invalid_request', { detail: 'Forms and JSON must be in UTF-8.' });
  }
}

function lengthOf(request: IncomingMessage): number | null {
  const length = request.headers['content-length'];
  return length === undefined || request.headers['transfer-encoding'] !== undefined ? null : Number(length);
}

/**
 * Yields chunks of a body that count toward the memory limit. Stopping early keeps the connection open for a refusal.
 */
function keptChunks(request: IncomingMessage, limits: RequestBodyLimits): AsyncIterable<Buffer> {
  return {
    [Symbol.asyncIterator]: () => {
      const chunks = request.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
      const next = async (): Promise<IteratorResult<Buffer>> => {
        const result = await chunks.next();
        if (result.done !== true) limits.keep(result.value.length);
        return result;
      };
      return { next, return: async () => chunks.return?.() ?? { done: true, value: undefined } };
    },
  };
}

async function readAll(request: IncomingMessage, limits: RequestBodyLimits): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) throw new GatewayError('payload_too_large');
  return readStream(keptChunks(request, limits), MAX_BODY_BYTES, () => new GatewayError('payload_too_large'));
}
