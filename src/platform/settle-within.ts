import { setTimeout as sleep } from 'node:timers/promises';

/** What `work` resolves to or rejects with, or `late` if that takes longer than `timeoutMs`; `work` then goes on unobserved. */
export async function settleWithin<T, L>(work: Promise<T>, timeoutMs: number, late: L): Promise<T | L> {
  const settled = new AbortController();
  const timeout = sleep(timeoutMs, late, { signal: settled.signal }).catch(() => late);
  // A failure after the deadline has no handler left, and must not end the process.
  work.catch(() => undefined);
  try {
    return await Promise.race([work, timeout]);
  } finally {
    settled.abort();
  }
}
