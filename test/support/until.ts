import { setTimeout as sleep } from 'node:timers/promises';

/** Looks until what it sees is right, and gives that back; true is right unless said otherwise. Throws with what it stayed at. */
export async function until<T>(
  look: () => T | Promise<T>,
  isRight: (seen: T) => boolean = Boolean,
  timeoutMs = 20_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const seen = await look();
    if (isRight(seen)) return seen;
    if (performance.now() > deadline) throw new Error(`in ${timeoutMs} ms it stayed ${JSON.stringify(seen)}`);
    await sleep(25);
  }
}
