import { unusableResponseError } from '../errors/unusable-response-error.ts';
import type { GraphCall } from './graph-call.ts';
import type { GraphResponse, GraphTransport } from './graph-transport.ts';
import { asObject, field, type Json, type JsonObject, objectsOf, readText } from './lossless-json.ts';
import { PageSize } from './page-size.ts';

/** More pages than any real list has, even with one object each. Beyond this Meta is looping. */
const MAX_PAGES = 20_000;

/**
 * Parameters to copy from a `next` link. The rest, above all the token, is dropped (docs/meta-facts.md#page-tokens).
 */
const PAGING_PARAMETERS = ['after', 'offset', '__after_id', '__paging_token', 'until', 'since', 'limit'];

/**
 * Yields every object of a list. `next` says whether there is more, the cursor says where; the link itself holds the
 * token and is never called. An empty page with `next` continues. If Meta finds a page too large, it is requested again
 * with a smaller `limit`. Throws a transient `MetaError` if paging loops or the response is not a list.
 */
export async function* paginate(
  transport: GraphTransport,
  call: GraphCall,
): AsyncGenerator<JsonObject, void, undefined> {
  const seen = new Set<string>();
  const size = call.query?.['limit'] === undefined ? null : new PageSize();
  let position: Record<string, string> = {};
  for (let page = 0; page < MAX_PAGES; page++) {
    const response = await readPage(transport, call, position, size);
    const body = asObject(response.json);
    const data = field(body, 'data');
    // Missing `data` is not an empty list: it must not make Pages or accounts look gone.
    if (!Array.isArray(data)) break;
    yield* objectsOf(data);
    const next = readNextPage(field(body, 'paging'));
    if (next === null) return;
    const key = JSON.stringify(next);
    if (seen.has(key)) break;
    seen.add(key);
    position = next;
  }
  throw unusableResponseError(call.operation, 200, false);
}

async function readPage(
  transport: GraphTransport,
  call: GraphCall,
  position: Record<string, string>,
  size: PageSize | null,
): Promise<GraphResponse> {
  for (;;) {
    const limit: Record<string, string> = size === null ? {} : { limit: String(size.limit) };
    try {
      const response = await transport.call({ ...call, query: { ...call.query, ...position, ...limit } });
      size?.grow();
      return response;
    } catch (error) {
      if (size?.reduceAfter(error) !== true) throw error;
    }
  }
}

function readNextPage(paging: Json | undefined): Record<string, string> | null {
  const next = readText(asObject(paging), 'next');
  if (next === null) return null;
  const after = readText(asObject(field(asObject(paging), 'cursors')), 'after');
  if (after !== null) return { after };
  const query = new URLSearchParams(next.slice(next.indexOf('?') + 1));
  const position = Object.fromEntries([...query].filter(([name]) => PAGING_PARAMETERS.includes(name)));
  return Object.keys(position).length === 0 ? null : position;
}
