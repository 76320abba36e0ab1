/** Reads a whole stream. Throws `toError()` as soon as it exceeds `maxBytes`. */
export async function readStream(
  stream: AsyncIterable<Buffer>,
  maxBytes: number,
  toError: () => Error,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    if (size > maxBytes) throw toError();
    chunks.push(chunk);
  }
  return concatChunks(chunks, size);
}

/** Concatenates chunks. A single chunk is not copied. */
export function concatChunks(chunks: readonly Buffer[], size?: number): Buffer {
  const [first] = chunks;
  return chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks, size);
}
