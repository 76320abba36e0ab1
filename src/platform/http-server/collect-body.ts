import type { IncomingMessage } from 'node:http';
import { AppError, invalidRequest } from '../problem.ts';
import { concatChunks } from '../read-stream.ts';

/** Called for each chunk before it is kept; may refuse by throwing. */
export type ChunkListener = (chunk: Buffer) => void | Promise<void>;

/**
 * The whole body of a request. Stopping early keeps the connection open, so that a refusal can still be sent on it. Throws `toTooLarge()`,
 * what `onChunk` throws, and 400 where the caller broke off, which nobody reads any more.
 */
export async function collectBody(
  request: IncomingMessage,
  maxBytes: number,
  toTooLarge: () => Error,
  onChunk: ChunkListener,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of readableChunks(request)) {
    size += chunk.length;
    if (size > maxBytes) throw toTooLarge();
    const pending = onChunk(chunk);
    if (pending !== undefined) await pending;
    chunks.push(chunk);
  }
  return concatChunks(chunks, size);
}

function readableChunks(request: IncomingMessage): AsyncIterable<Buffer> {
  const chunks = request.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
  const next = (): Promise<IteratorResult<Buffer>> =>
    chunks.next().catch((cause: unknown) => {
      throw new AppError(invalidRequest, { detail: 'The body broke off.', cause });
    });
  return {
    [Symbol.asyncIterator]: () => ({ next, return: async () => chunks.return?.() ?? { done: true, value: undefined } }),
  };
}
