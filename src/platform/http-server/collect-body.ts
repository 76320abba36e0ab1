import type { IncomingMessage } from 'node:http';
import { AppError, invalidRequest } from '../problem.ts';
import { concatChunks } from '../read-stream.ts';

/** Called with each chunk before it is kept. May throw to reject the request. */
export type ChunkListener = (chunk: Buffer) => void | Promise<void>;

/**
 * Reads a whole request body. Stopping early keeps the connection open, so that an error response can still be sent.
 * Throws `toTooLarge()`, whatever `onChunk` throws, or 400 if the client hung up.
 */
export async function collectBody(
  request: IncomingMessage,
  maxBytes: number,
  toTooLarge: () => Error,
  onChunk: ChunkListener,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of bufferedWhole(request) ?? readableChunks(request)) {
    size += chunk.length;
    if (size > maxBytes) throw toTooLarge();
    const pending = onChunk(chunk);
    if (pending !== undefined) await pending;
    chunks.push(chunk);
  }
  return concatChunks(chunks, size);
}

/**
 * Returns the body if all of it has arrived, as small ones usually have: a stream's iterator costs as much as parsing.
 */
function bufferedWhole(request: IncomingMessage): Buffer[] | null {
  const whole = request.complete ? (request.read() as Buffer | null) : null;
  return whole === null ? null : [whole];
}

function readableChunks(request: IncomingMessage): AsyncIterable<Buffer> {
  const chunks = request.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
  const next = (): Promise<IteratorResult<Buffer>> =>
    chunks.next().catch((cause: unknown) => {
      throw new AppError(invalidRequest, { detail: 'The body ended early.', cause });
    });
  return {
    [Symbol.asyncIterator]: () => ({ next, return: async () => chunks.return?.() ?? { done: true, value: undefined } }),
  };
}
