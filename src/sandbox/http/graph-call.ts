import type { IncomingMessage } from 'node:http';
import type { TokenView } from '../tokens/token-issuer.ts';
import { oauthError } from './graph-error.ts';
import {
  ByteSink,
  MAX_BODY_BYTES_KEPT,
  MAX_FILE_BYTES_KEPT,
  MultipartReader,
  type UploadedFile,
} from './multipart-reader.ts';

export type TokenPlace = 'query' | 'body' | 'header';

/** How a scripted fault changes an otherwise normal response. */
export type FaultEffect =
  | 'omit_expires_in'
  | 'same_token'
  | 'shorter_expiry'
  | 'other_user'
  | 'fewer_scopes'
  | 'empty_page'
  | 'null_item';

/** A call to one of Meta's hosts, or an item of a batch. */
export interface GraphCall {
  host: string;
  method: string;
  /** The version that serves the call, and the one in its path. */
  version: string;
  requestedVersion: string | null;
  path: string[];
  query: URLSearchParams;
  /** Query and body merged. The query wins; which one wins at Meta is unconfirmed. */
  params: Map<string, string>;
  json: Record<string, unknown> | null;
  files: UploadedFile[];
  raw: { size: number; sha256: string; bytes: Buffer | null } | null;
  headers: Record<string, string | string[] | undefined>;
  token: string | null;
  tokenPlace: TokenPlace | null;
  effects: Set<FaultEffect>;
  inBatch: boolean;
  /** Set once the token is checked. Usage headers depend on its kind. */
  view: TokenView | null;
}

export interface ParsedBody {
  form: [string, string][];
  json: Record<string, unknown> | null;
  files: UploadedFile[];
  raw: GraphCall['raw'];
}

const emptyBody: ParsedBody = { form: [], json: null, files: [], raw: null };

/** Reads a body by content type. Files and raw bytes are streamed; the rest is small. */
export async function readBody(request: IncomingMessage): Promise<ParsedBody> {
  const type = (request.headers['content-type'] ?? '').toLowerCase();
  const boundary = /boundary="?([^";]+)"?/i.exec(request.headers['content-type'] ?? '')?.[1];
  if (type.startsWith('multipart/form-data') && boundary !== undefined) {
    const reader = new MultipartReader(boundary);
    for await (const chunk of request) reader.write(chunk as Buffer);
    return { form: reader.fields, json: null, files: reader.files, raw: null };
  }
  const isText =
    type === '' || type.startsWith('application/json') || type.startsWith('application/x-www-form-urlencoded');
  const sink = new ByteSink(isText ? MAX_BODY_BYTES_KEPT : MAX_FILE_BYTES_KEPT);
  for await (const chunk of request) sink.write(chunk as Buffer);
  if (sink.size === 0) return emptyBody;
  const raw = sink.end();
  if (type.startsWith('application/json'))
    return { ...emptyBody, json: parseJsonObject(raw.bytes?.toString('utf8') ?? '') };
  if (type.startsWith('application/x-www-form-urlencoded') || type === '') {
    return { ...emptyBody, form: [...new URLSearchParams(raw.bytes?.toString('utf8') ?? '')], raw };
  }
  return { ...emptyBody, raw };
}

function parseJsonObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    throw oauthError(100, '(#100) Invalid JSON in the request body');
  }
}

/** Merges query and body. Objects in JSON bodies become JSON text, as at Meta. */
export function mergeParams(query: URLSearchParams, body: Pick<ParsedBody, 'form' | 'json'>): Map<string, string> {
  const params = new Map<string, string>();
  for (const [name, value] of Object.entries(body.json ?? {}))
    params.set(name, typeof value === 'string' ? value : JSON.stringify(value));
  for (const [name, value] of body.form) params.set(name, value);
  for (const [name, value] of query) params.set(name, value);
  return params;
}

/** Finds the token in the query, the body, or `Authorization: Bearer|OAuth`, in this order. */
export function findToken(
  query: URLSearchParams,
  params: Map<string, string>,
  authorization: string | undefined,
): { token: string | null; tokenPlace: TokenPlace | null } {
  const inQuery = query.get('access_token');
  if (inQuery) return { token: inQuery, tokenPlace: 'query' };
  const inBody = params.get('access_token');
  if (inBody) return { token: inBody, tokenPlace: 'body' };
  const header = /^(?:Bearer|OAuth)\s+(\S+)$/i.exec(authorization ?? '')?.[1];
  return header === undefined ? { token: null, tokenPlace: null } : { token: header, tokenPlace: 'header' };
}

/** Splits a path into decoded segments, ignoring empty ones. */
export function splitPath(pathname: string): string[] {
  return pathname
    .split('/')
    .filter((part) => part !== '')
    .map(decodeSegment);
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** `method=delete|get|post` in query or body overrides the verb (docs/meta-facts.md#batches). */
export function effectiveMethod(method: string, params: Map<string, string>): string {
  const override = params.get('method')?.toUpperCase();
  return override === 'GET' || override === 'POST' || override === 'DELETE' ? override : method;
}
