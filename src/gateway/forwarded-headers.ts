import type { IncomingHttpHeaders } from 'node:http';
import { readTraceContext } from '../platform/http-server/trace-context.ts';

/** Request headers that are passed on to Meta: they describe content, uploads and traces, never the client. */
const FORWARDED_REQUEST_HEADERS = [
  'accept',
  'accept-language',
  'user-agent',
  // Resumable uploads (Meta's rupload host and `upload:` sessions).
  'offset',
  'file_offset',
  'file_size',
  'file_url',
  'x-entity-length',
  'x-entity-name',
  'x-entity-type',
] as const;

/**
 * For downloads of media only. A range of a JSON response could hold a part of a token; and that Meta's response is the same as before
 * does not say so of ours, which has the links of a lease in it (`validators.ts`).
 */
const MEDIA_REQUEST_HEADERS = ['range', 'if-range', 'if-none-match', 'if-modified-since'] as const;

/** Response headers of Meta that are passed on (CONTRACT 7); `ETag` and `Last-Modified` only with a body that was not changed. */
const FORWARDED_RESPONSE_HEADERS = [
  'content-type',
  'content-language',
  'content-disposition',
  'content-range',
  'accept-ranges',
  'www-authenticate',
  'retry-after',
  'x-app-usage',
  'x-page-usage',
  'x-ad-account-usage',
  'x-business-use-case-usage',
  'x-fb-ads-insights-throttle',
  'x-fb-trace-id',
  'x-fb-request-id',
  'x-fb-rev',
  'facebook-api-version',
  'instagram-api-version',
  // Of calls to an ended version of the Marketing API that Meta upgraded.
  'x-ad-api-version-warning',
] as const;

/** The content encodings that can be decoded here. */
const CODINGS = /\b(?:gzip|br|deflate)\b/gi;

/** The headers of a call to Meta, except for the token and those of a body. */
export function buildMetaRequestHeaders(headers: IncomingHttpHeaders, isMediaHost: boolean): Record<string, string> {
  const forwarded: Record<string, string> = { 'accept-encoding': acceptedCodings(headers['accept-encoding']) };
  for (const name of FORWARDED_REQUEST_HEADERS) copyHeader(headers, name, forwarded);
  // Not `baggage`: it is meant for services of the same company, and may hold anything.
  const trace = readTraceContext(headers);
  if (trace !== null) {
    forwarded['traceparent'] = trace.traceparent;
    if (trace.tracestate !== null) forwarded['tracestate'] = trace.tracestate;
  }
  if (isMediaHost) for (const name of MEDIA_REQUEST_HEADERS) copyHeader(headers, name, forwarded);
  return forwarded;
}

/** Adds the response headers that may be passed on to `head`, as alternating names and values, each value through `clean`. */
export function appendMetaResponseHeaders(
  head: string[],
  headers: IncomingHttpHeaders,
  clean: (value: string) => string,
): void {
  for (const name of FORWARDED_RESPONSE_HEADERS) {
    const value = headers[name];
    if (value !== undefined) head.push(name, clean(typeof value === 'string' ? value : value.join(', ')));
  }
}

function copyHeader(headers: IncomingHttpHeaders, name: string, into: Record<string, string>): void {
  const value = headers[name];
  if (typeof value === 'string') into[name] = value;
}

function acceptedCodings(accepted: string | string[] | undefined): string {
  if (typeof accepted !== 'string') return 'identity';
  return accepted.match(CODINGS)?.join(', ').toLowerCase() ?? 'identity';
}
