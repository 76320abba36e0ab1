import type { GraphCall } from '../http/graph-call.ts';
import { oauthError } from '../http/graph-error.ts';
import { escapeBase64, unescapeBase64 } from '../tokens/token-codec.ts';

export const DEFAULT_PAGE_SIZE = 25;
const MAX_PAGE_SIZE = 5000;

interface PageRequest {
  limit: number;
  after: string | null;
  before: string | null;
  summary: boolean;
}

function cursorOf(id: string): string {
  return escapeBase64(Buffer.from(`QVFIU:${id}`).toString('base64url'));
}

function idOf(cursor: string): string {
  const text = Buffer.from(unescapeBase64(cursor), 'base64url').toString('utf8');
  if (!text.startsWith('QVFIU:') || cursorOf(text.slice(6)) !== cursor)
    throw oauthError(100, '(#100) Invalid cursor value');
  return text.slice(6);
}

function pageRequest(read: (name: string) => string | undefined): PageRequest {
  const limit = Number(read('limit') ?? DEFAULT_PAGE_SIZE);
  if (!Number.isInteger(limit) || limit < 0) throw oauthError(100, '(#100) Param limit must be a non-negative integer');
  const summary = read('summary');
  return {
    limit: Math.min(limit, MAX_PAGE_SIZE),
    after: read('after') ?? null,
    before: read('before') ?? null,
    summary: summary !== undefined && !['0', 'false', ''].includes(summary),
  };
}

/**
 * Builds `next` as Meta does: the call's parameters without cursors, proof and override, but with the token in clear.
 */
function pageLink(
  call: GraphCall,
  base: string,
  ownerPath: string,
  request: PageRequest,
  cursor: [string, string],
): string {
  const query = new URLSearchParams();
  if (call.token !== null) query.set('access_token', call.token);
  for (const [name, value] of call.query) {
    if (!['access_token', 'appsecret_proof', 'appsecret_time', 'after', 'before', 'limit', 'method'].includes(name))
      query.append(name, value);
  }
  query.set('limit', String(request.limit));
  query.set(cursor[0], cursor[1]);
  return `${base}/${call.version}/${ownerPath}?${query.toString()}`;
}

/**
 * Builds one page of a list: cursors, `next`, `previous`, summary (docs/meta-facts.md#page-tokens).
 *
 * @param ownerPath path without version: owner id and edge
 */
export function pageOf<T>(
  call: GraphCall,
  base: string,
  ownerPath: string,
  items: T[],
  idOfItem: (item: T) => string,
  show: (item: T) => unknown,
  request: PageRequest = pageRequest((name) => call.params.get(name)),
): Record<string, unknown> {
  const { start, end } = windowOf(items, idOfItem, request);
  const shown = call.effects.has('empty_page') ? [] : items.slice(start, end).map(show);
  const body: Record<string, unknown> = { data: shown };
  const first = items[start];
  const last = items[end - 1];
  if (first !== undefined && last !== undefined && end > start) {
    const cursors = { before: cursorOf(idOfItem(first)), after: cursorOf(idOfItem(last)) };
    const paging: Record<string, unknown> = { cursors };
    if (end < items.length) paging.next = pageLink(call, base, ownerPath, request, ['after', cursors.after]);
    if (start > 0) paging.previous = pageLink(call, base, ownerPath, request, ['before', cursors.before]);
    body.paging = paging;
  }
  if (request.summary) body.summary = { total_count: items.length };
  return body;
}

function windowOf<T>(items: T[], idOfItem: (item: T) => string, request: PageRequest): { start: number; end: number } {
  if (request.before !== null) {
    const beforeId = idOf(request.before);
    const end = Math.max(
      items.findIndex((item) => idOfItem(item) === beforeId),
      0,
    );
    return { start: Math.max(end - request.limit, 0), end };
  }
  const afterId = request.after === null ? null : idOf(request.after);
  const start = afterId === null ? 0 : items.findIndex((item) => idOfItem(item) === afterId) + 1;
  return { start, end: Math.min(start + request.limit, items.length) };
}
