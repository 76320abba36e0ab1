import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Polls `look` until `isRight` (truthy by default) accepts its result, and returns that. Throws with the last result.
 */
export async function until<T>(
  look: () => T | Promise<T>,
  isRight: (seen: T) => boolean = Boolean,
  timeoutMs = 60_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const seen = await look();
    if (isRight(seen)) return seen;
    if (performance.now() > deadline) throw new Error(`in ${timeoutMs} ms it stayed ${JSON.stringify(seen)}`);
    await sleep(25);
  }
}
