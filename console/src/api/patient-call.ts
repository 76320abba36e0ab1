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
 * Repeats a call in a long run when the service's limits or its database held it up, at the time the service names. At
 * least doubles the wait each time, up to 31 seconds or a little more in total. Throws any other failure.
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

/** Seconds until the service accepts the call again; null if it should not be repeated, or the wait is too long. */
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
