import type { SecretString } from '../../platform/secret-string.ts';
import { MetaError } from '../errors/meta-error.ts';
import { isDenied } from '../errors/refusal.ts';
import { isGraphId } from '../graph/graph-id.ts';
import type { GraphTransport } from '../graph/graph-transport.ts';
import { asObject, field, type JsonObject } from '../graph/lossless-json.ts';
import { readCall } from '../graph/read-call.ts';

/** Meta takes fifty ids at most; where one of them fails the whole call does, so the call is made again in parts, to single reads. */
const BULK_SIZES = [50, 7, 1] as const;

interface ObjectsRequest {
  operation: string;
  token: SecretString;
  ids: readonly string[];
  /** What is asked for; the next ones, with less in them, where Meta refuses what is before. */
  fields: readonly string[];
  /** Whether an error says no more than that this token may not have this object. Others are thrown. */
  isRefusal(error: unknown): boolean;
}

/** One object that was asked for by its id, and with which fields; null where Meta refused it. */
export interface ReadObject {
  id: string;
  object: JsonObject | null;
  fields: string;
}

/** Objects by their ids, in bulk where that works, each id once. Ids that are none are refused without asking. Throws `MetaError`. */
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
  /** What bulk calls ask for: one of the request's, as soon as it is known which one Meta takes. */
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

/** What one call gave; nothing where it failed as a whole, for whatever reason that a smaller one may not have. */
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
