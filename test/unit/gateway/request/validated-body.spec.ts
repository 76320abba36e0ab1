import { PassThrough, type Readable } from 'node:stream';
import { setImmediate as tick } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { validatedBody } from '../../../../src/gateway/request/validated-body.ts';

const NOTHING = Buffer.alloc(0);
const acceptAll = { push: () => undefined, end: () => undefined };

async function read(body: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

describe('validatedBody', () => {
  it('gives what came first, and then the rest', async () => {
    const source = new PassThrough();
    const body = validatedBody(source, Buffer.from('ab'), acceptAll);
    source.write('cd');
    source.end('ef');
    expect(await read(body)).toBe('abcdef');
  });

  it('shows its guard each piece before anybody else, and stops at the one that it refuses', async () => {
    const source = new PassThrough();
    const seen: string[] = [];
    const validator = {
      push: (chunk: Buffer) => {
        if (chunk.includes('bad')) throw new Error('refused');
        seen.push(chunk.toString());
      },
      end: () => undefined,
    };
    const body = validatedBody(source, NOTHING, validator);
    const got: string[] = [];
    body.on('data', (chunk: Buffer) => got.push(chunk.toString()));
    source.write('good');
    await tick();
    source.write('bad');
    await tick();
    source.write('more');
    await tick();
    expect([seen, got, body.errored?.message]).toEqual([['good'], ['good'], 'refused']);
    // The connection can still carry a refusal.
    expect(source.destroyed).toBe(false);
  });

  it('breaks where its guard misses something at the end', async () => {
    const source = new PassThrough();
    const validator = {
      push: () => undefined,
      end: () => {
        throw new Error('not whole');
      },
    };
    const body = validatedBody(source, Buffer.from('a'), validator);
    source.end();
    await expect(read(body)).rejects.toThrow('not whole');
  });

  it.each([
    ['before', 0],
    ['while', 1],
  ])('breaks where its source breaks %s it passes', async (_, chunks) => {
    const source = new PassThrough();
    if (chunks === 0) source.destroy();
    const body = validatedBody(source, Buffer.from('a'), acceptAll);
    if (chunks === 1) {
      source.write('b');
      await tick();
      source.destroy();
    }
    await expect(read(body)).rejects.toThrow('disconnected');
  });

  it('ends where its source had ended before', async () => {
    const source = new PassThrough();
    source.resume().end();
    await tick();
    expect(source.readableEnded).toBe(true);
    expect(await read(validatedBody(source, Buffer.from('a'), acceptAll))).toBe('a');
  });

  it('does not read ahead of a slow reader', async () => {
    const source = new PassThrough({ highWaterMark: 1024 });
    const body = validatedBody(source, NOTHING, acceptAll);
    let written = 0;
    while (written < 1000 && source.write(Buffer.alloc(1024))) {
      written++;
      await tick();
    }
    // At most what the two streams buffer, and a piece in transit.
    expect(written).toBeLessThan(100);
    source.end();
    const text = await read(body);
    expect(text.length).toBe((written + 1) * 1024);
  });

  it('leaves its source alone once nobody reads any more', async () => {
    const source = new PassThrough();
    const body = validatedBody(source, NOTHING, acceptAll);
    body.destroy();
    await tick();
    expect([source.destroyed, source.isPaused(), source.listenerCount('data')]).toEqual([false, true, 0]);
  });
});
