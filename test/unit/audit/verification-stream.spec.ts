import { text } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import type { ChainVerificationResponse } from '../../../src/audit/audit-response.dto.ts';
import { streamVerification } from '../../../src/audit/verification-stream.ts';

const VERDICT: ChainVerificationResponse = { valid: true, entries: 90, head: null, faults: [] };

function openRun() {
  let [resolve, reject] = [(_: ChainVerificationResponse): void => undefined, (_: Error): void => undefined];
  const promise = new Promise<ChainVerificationResponse>((...settle) => {
    [resolve, reject] = settle;
  });
  return { promise, resolve, reject };
}

describe('the stream of a verification', () => {
  it('tells how far it is until the verdict, which comes last', async () => {
    const run = openRun();
    let asked = 0;
    const stream = await streamVerification(run.promise, () => {
      asked += 1;
      if (asked === 3) run.resolve(VERDICT);
      return { position: asked * 30, lastPosition: 90 };
    });
    expect(await text(stream)).toBe(
      [30, 60, 90]
        .map((position) => `event: progress\ndata: {"position":${position},"last_position":90}\n\n`)
        .concat(`event: verification\ndata: ${JSON.stringify(VERDICT)}\n\n`)
        .join(''),
    );
  });

  it('is only the verdict where nothing is to be told before', async () => {
    const stream = await streamVerification(Promise.resolve(VERDICT), () => null);
    expect(await text(stream)).toBe(`event: verification\ndata: ${JSON.stringify(VERDICT)}\n\n`);
  });

  it('fails at once like a verification that can not begin, and breaks off like one that can not go on', async () => {
    const nothing = () => null;
    await expect(streamVerification(Promise.reject(new Error('no database')), nothing)).rejects.toThrow('no database');
    const run = openRun();
    const stream = await streamVerification(run.promise, nothing);
    run.reject(new Error('the database went away'));
    await expect(text(stream)).rejects.toThrow('the database went away');
  });
});
