import { describe, expect, it } from '@jest/globals';
import { readStream } from '../../../src/platform/read-stream.ts';

async function* chunks(...texts: string[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield Buffer.from(text);
}
const tooLarge = (): Error => new Error('too large');

describe('readStream', () => {
  it('returns the whole stream up to the limit', async () => {
    expect((await readStream(chunks('ab', 'c'), 3, tooLarge)).toString()).toBe('abc');
    expect((await readStream(chunks('abc'), 3, tooLarge)).toString()).toBe('abc');
    expect((await readStream(chunks(), 3, tooLarge)).length).toBe(0);
  });

  it('stops reading beyond the limit', async () => {
    const stream = chunks('ab', 'cd', 'ef');
    await expect(readStream(stream, 3, tooLarge)).rejects.toThrow('too large');
    expect((await stream.next()).done).toBe(true);
  });
});
