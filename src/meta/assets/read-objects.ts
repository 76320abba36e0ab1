import type { SecretString } from '../../platform/secret-string.ts';
import { MetaError } from '../errors/meta-error.ts';
import { isDenied } from '../errors/refusal.ts';
import { isGraphId } from '../graph/graph-id.ts';
import type { GraphTransport } from '../graph/graph-transport.ts';
import { asObject, field, type JsonObject } from '../graph/lossless-json.ts';
import { readCall } from '../graph/read-call.ts';

/** Meta takes at most 50 ids, and one bad id fails the whole call, so failed calls are split, down to single reads. */
const BULK_SIZES = [50, 7, 1] as const;

interface ObjectsRequest {
  operation: string;
  token: SecretString;
  ids: readonly string[];
  /** Field lists to request, in order: if Meta denies one, the next, smaller one is tried. */
  fields: readonly string[];
  /** Whether an error only means that this token may not read this object. Other errors are thrown. */
  isRefusal(error: unknown): boolean;
}

/** One object read by id, and the fields that were requested; `object` is null if Meta refused it. */
export interface ReadObject {
  id: string;
  object: JsonObject | null;
  fields: string;
}

/**
 * Reads objects by id, in bulk where possible, each id once. Malformed ids yield null without a call. Throws
 * `MetaError`.
 */
export async function* readObjects(
  transport: GraphTransport,
  request: ObjectsRequest,
): AsyncGenerator<ReadObject, void, undefined> {
  const ids = [...new Set(request.ids)];
  for (const id of ids) if (!isGraphId(id)) yield { id, object: null, fields: '' };
  yield* readInParts({ transport, request, bulkFields: request.fields }, ids.filter(isGraphId), 0);
}

interface Reading {
  transport: GraphTransport;
  request: ObjectsRequest;
  /** Field lists for bulk calls; only the accepted one, once that is known. */
  bulkFields: readonly string[];
}

async function* readInParts(
  reading: Reading,
  ids: readonly string[],
  level: number,
): AsyncGenerator<ReadObject, void, undefined> {
  const size = BULK_SIZES[level] ?? 1;
  for (let start = 0; start < ids.length; start += size) {
    const part = ids.slice(start, start + size);
    const [only] = part;
    if (part.length === 1 && only !== undefined) {
      yield await readOne(reading, only);
      continue;
    }
    const found = await readBulk(reading, part);
    yield* found;
    const read = new Set(found.map(({ id }) => id));
    yield* readInParts(
      reading,
      part.filter((id) => !read.has(id)),
      found.length === 0 ? level + 1 : BULK_SIZES.length - 1,
    );
  }
}

/** Makes one bulk call. Returns nothing if it fails as a whole for a reason that a smaller call may not have. */
async function readBulk(reading: Reading, ids: readonly string[]): Promise<ReadObject[]> {
  const { operation, token } = reading.request;
  for (const fields of reading.bulkFields) {
    const query = { ids: ids.join(','), fields };
    try {
      const { json } = await reading.transport.call(readCall(reading.transport, operation, '/', token, query));
      reading.bulkFields = [fields];
      return ids.flatMap((id) => {
        const object = asObject(field(asObject(json), id));
        return object === null || field(object, 'error') !== undefined ? [] : [{ id, object, fields }];
      });
    } catch (error) {
      if (!(error instanceof MetaError) || error.verdict.kind === 'throttled' || error.verdict.kind === 'dead')
        throw error;
      if (!isDenied(error)) return [];
    }
  }
  return [];
}

async function readOne({ transport, request }: Reading, id: string): Promise<ReadObject> {
  const { operation, token, isRefusal } = request;
  for (const [index, fields] of request.fields.entries()) {
    try {
      const { json } = await transport.call(readCall(transport, operation, `/${id}`, token, { fields }));
      return { id, object: asObject(json), fields };
    } catch (error) {
      if (index < request.fields.length - 1 && isDenied(error)) continue;
      if (!isRefusal(error)) throw error;
    }
  }
  return { id, object: null, fields: '' };
}
