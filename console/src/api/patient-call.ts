import { ProblemError } from './problem-error.ts';

const MAX_ATTEMPTS = 4;
const MAX_WAIT_SECONDS = 30;

/** Repeats a call of a long run that the service's limits held up, when they say. Throws what else fails. */
export async function callPatiently<T>(call: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    signal.throwIfAborted();
    try {
      return await call();
    } catch (error) {
      const seconds = error instanceof ProblemError && error.status === 429 ? (error.problem.retry_after ?? 1) : null;
      if (seconds === null || attempt === MAX_ATTEMPTS || seconds > MAX_WAIT_SECONDS) throw error;
      await wait(seconds * 1000, signal);
    }
  }
}

function wait(milliseconds: number, signal: AbortSignal): Promise<void> {
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
