import { ProblemError } from './problem-error.ts';

const MAX_ATTEMPTS = 6;
const MAX_WAIT_SECONDS = 30;

export interface Patience {
  /** Called before each wait. */
  onWait?: () => void;
  /** Replaced by tests. */
  wait?: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

/**
 * Repeats a call of a long run that the service's limits or its database held up, when they say. Waits twice as long
 * each time, 31 seconds or a little more in all. Throws what else fails.
 */
export async function callPatiently<T>(
  call: () => Promise<T>,
  signal: AbortSignal,
  { onWait, wait = waitFor }: Patience = {},
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    signal.throwIfAborted();
    try {
      return await call();
    } catch (error) {
      const seconds = secondsToRetry(error);
      if (seconds === null || attempt === MAX_ATTEMPTS) throw error;
      onWait?.();
      await wait(Math.max(seconds, 2 ** (attempt - 1)) * 1000, signal);
    }
  }
}

/** When the service wants a refused call again; null if it does not, or if nobody would wait that long. */
export function secondsToRetry(error: unknown): number | null {
  if (!(error instanceof ProblemError) || (error.status !== 429 && error.status !== 503)) return null;
  const seconds = error.problem.retry_after ?? (error.status === 429 ? 1 : null);
  return seconds === null || seconds > MAX_WAIT_SECONDS ? null : seconds;
}

function waitFor(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, milliseconds);
    signal.addEventListener('abort', stop, { once: true });
  });
}
