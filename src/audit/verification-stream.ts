import { Readable } from 'node:stream';
import { settleWithin } from '../platform/settle-within.ts';
import type { ChainVerificationResponse } from './audit-response.dto.ts';
import type { VerificationProgress } from './chain/chain-verifier.ts';

/** How often progress is sent, so that proxies don't end the response as idle. */
const INTERVAL_MS = 500;
const RUNNING = Symbol('running');

/**
 * A verification as server-sent events: `progress` twice a second, then `verification` with the verdict. A client that
 * disconnects does not stop it. Fails when the verification does: before any output if that is within the first half
 * second.
 */
export async function streamVerification(
  run: Promise<ChainVerificationResponse>,
  readProgress: () => VerificationProgress | null,
): Promise<Readable> {
  const early = await settleWithin(run, INTERVAL_MS, RUNNING);
  return Readable.from(writeEvents(early === RUNNING ? run : Promise.resolve(early), readProgress));
}

async function* writeEvents(
  run: Promise<ChainVerificationResponse>,
  readProgress: () => VerificationProgress | null,
): AsyncGenerator<string> {
  for (;;) {
    const progress = readProgress();
    if (progress !== null)
      yield toEvent('progress', { position: progress.position, last_position: progress.lastPosition });
    const verification = await settleWithin(run, INTERVAL_MS, RUNNING);
    if (verification !== RUNNING) return yield toEvent('verification', verification);
  }
}

function toEvent(name: 'progress' | 'verification', data: object): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
