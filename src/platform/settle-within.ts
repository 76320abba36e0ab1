import { setTimeout as sleep } from 'node:timers/promises';

/** Settles like `work`, or resolves to `late` after `timeoutMs`. `work` then continues unobserved. */
export async function settleWithin<T, L>(work: Promise<T>, timeoutMs: number, late: L): Promise<T | L> {
  const settled = new AbortController();
  const timeout = sleep(timeoutMs, late, { signal: settled.signal }).catch(() => late);
  // A failure after the deadline has no handler and must not end the process.
  work.catch(() => undefined);
  try {
    return await Promise.race([work, timeout]);
  } finally {
    settled.abort();
  }
}
