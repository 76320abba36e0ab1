import type { IncomingHttpHeaders } from 'node:http';

/** Request headers forwarded to Meta: content, uploads and traces, nothing that identifies the client. */
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
 * Forwarded for media downloads only: a range of JSON could contain part of a token, and an unmodified response of Meta
 * may be stale here, because ours contains the links of one lease (`validators.ts`).
 */
const MEDIA_REQUEST_HEADERS = ['range', 'if-range', 'if-none-match', 'if-modified-since'] as const;

/**
 * Response headers forwarded to the client (docs/api.md#gateway). `validators.ts` decides on `ETag` and
 * `Last-Modified`.
 */
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
  // Meta upgraded a call to an ended version of the Marketing API: docs/meta-facts.md#api-versions
  'x-ad-api-version-warning',
] as const;

/** Content encodings that `decompress` handles. */
const CODINGS = /\b(?:gzip|br|deflate)\b/gi;

/** Builds the headers of a call to Meta, without the token and those of the body. */
export function buildMetaRequestHeaders(headers: IncomingHttpHeaders, isMediaHost: boolean): Record<string, string> {
  const forwarded: Record<string, string> = { 'accept-encoding': acceptedCodings(headers['accept-encoding']) };
  for (const name of FORWARDED_REQUEST_HEADERS) copyHeader(headers, name, forwarded);
  if (isMediaHost) for (const name of MEDIA_REQUEST_HEADERS) copyHeader(headers, name, forwarded);
  return forwarded;
}

/** Appends forwarded headers to `head`, as alternating names and values, each value passed through `clean`. */
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
