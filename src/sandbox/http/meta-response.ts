import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { failureBody, type GraphFailure, wwwAuthenticate } from './graph-error.ts';

const gzipAsync = promisify(gzip);
const brotliAsync = promisify(brotliCompress);

/** What a handler returns. `json` is serialized as Meta does; `text` is sent as is. */
export interface MetaResponse {
  status: number;
  json?: unknown;
  text?: string;
  bytes?: Buffer;
  contentType?: string;
  headers?: [string, string][];
  failure?: GraphFailure;
}

/** The response to send, before compression. */
export interface WireResponse {
  status: number;
  headers: [string, string][];
  body: Buffer | string;
}

export interface WireContext {
  method: string;
  versionHeader: [string, string] | null;
  ifNoneMatch: string | undefined;
  usage: [string, string][];
  escaped: boolean;
  random: Buffer;
  now: number;
}

export const WIRE_RANDOM_BYTES = 89;

export function ok(json: unknown): MetaResponse {
  return { status: 200, json };
}

export const success = (): MetaResponse => ok({ success: true });

export function html(status: number, text: string): MetaResponse {
  return { status, text, contentType: 'text/html; charset=utf-8' };
}

export function redirect(location: string): MetaResponse {
  return { status: 302, text: '', contentType: 'text/html; charset=utf-8', headers: [['Location', location]] };
}

/** Serializes JSON as Meta does: `\/` and lowercase \uXXXX (docs/meta-facts.md#response-headers). */
export function metaJson(value: unknown, escaped: boolean): string {
  const text = JSON.stringify(value);
  return escaped ? escapeJson(text) : text;
}

export function escapeJson(text: string): string {
  const slashes = text.includes('/') ? text.replaceAll('/', '\\/') : text;
  // By code unit, as PHP does: characters beyond the first plane become two escapes.
  return slashes.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

export function etagOf(body: Buffer | string): string {
  return `"${createHash('sha1').update(body).digest('hex')}"`;
}

const past = 'Sat, 01 Jan 2000 00:00:00 GMT';
const cacheOk = 'private, no-cache, no-store, must-revalidate';

/** Adds a Graph host's headers in the recorded order (docs/meta-facts.md#response-headers). */
export function toWireResponse(response: MetaResponse, context: WireContext): WireResponse {
  const requestId = `A${context.random.subarray(0, 17).toString('base64url').slice(0, 22)}`;
  const failed = response.failure !== undefined;
  const json = response.failure === undefined ? response.json : failureBody(response.failure, requestId).error;
  const body = response.bytes ?? response.text ?? metaJson(failed ? { error: json } : json, context.escaped);
  const headers: [string, string][] = [];
  const plainGet = context.method === 'GET' && response.status === 200;
  if (plainGet) headers.push(['ETag', etagOf(body)]);
  headers.push(['Expires', past], ['Content-Type', response.contentType ?? 'application/json']);
  if (context.versionHeader !== null) headers.push(context.versionHeader);
  headers.push(
    ['x-fb-request-id', requestId],
    ['Strict-Transport-Security', 'max-age=15552000; preload'],
    ['x-fb-trace-id', context.random.subarray(17, 25).toString('base64').slice(0, 11)],
    ['x-fb-rev', '1019544279'],
    ['Cache-Control', failed ? 'no-store' : cacheOk],
  );
  if (failed || context.method === 'GET') headers.push(['Vary', 'Accept-Encoding']);
  headers.push(['Pragma', 'no-cache'], ...context.usage, ['x-fb-rlafr', '0'], ['Access-Control-Allow-Origin', '*']);
  if (response.failure !== undefined && response.status < 500)
    headers.push(['WWW-Authenticate', wwwAuthenticate(response.failure)]);
  headers.push(
    ['X-FB-Debug', context.random.subarray(25, 89).toString('base64')],
    ['Date', new Date(context.now).toUTCString()],
    ['Alt-Svc', 'h3=":443"; ma=86400'],
    ...(response.headers ?? []),
  );
  const first = headers[0];
  if (plainGet && first?.[0] === 'ETag' && context.ifNoneMatch === first[1]) return { status: 304, headers, body: '' };
  return { status: response.status, headers, body };
}

/** Sends a response, compressed if it is larger than 1 KiB and the client accepts that. */
export async function sendWireResponse(
  request: IncomingMessage,
  response: ServerResponse,
  wire: WireResponse,
): Promise<void> {
  const body = typeof wire.body === 'string' ? Buffer.from(wire.body) : wire.body;
  const coding =
    body.length > 1024 && typeof wire.body === 'string' ? chooseCoding(request.headers['accept-encoding']) : null;
  const sent = coding === null ? body : await compress(body, coding);
  const head = coding === null ? wire.headers : [...wire.headers, ['Content-Encoding', coding] as [string, string]];
  if (response.destroyed) return;
  response.sendDate = false;
  response.writeHead(wire.status, [...head, ['Content-Length', String(sent.length)]].flat());
  response.end(request.method === 'HEAD' || wire.status === 304 ? undefined : sent);
}

function chooseCoding(accepted: string | undefined): 'br' | 'gzip' | null {
  if (accepted === undefined) return null;
  const codings = accepted.split(',').map((one) => one.trim().split(';'));
  const wants = (name: string) => codings.some(([coding, q]) => coding === name && !/^\s*q=0(\.0*)?$/.test(q ?? ''));
  return wants('br') ? 'br' : wants('gzip') ? 'gzip' : null;
}

function compress(body: Buffer, coding: 'br' | 'gzip'): Promise<Buffer> {
  if (coding === 'gzip') return gzipAsync(body, { level: 4 });
  return brotliAsync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 3 } });
}
