import { EXIT_CODES } from '../command-error.ts';

/**
 * Runs long work that can be stopped: the first Ctrl-C (or SIGTERM) aborts the signal, so that the step under way ends and the rest is
 * left; the second one ends the process at once, which every command here survives as well.
 */
export async function runInterruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stopping = new AbortController();
  const stop = (): void => {
    if (stopping.signal.aborted) process.exit(EXIT_CODES.interrupted);
    stopping.abort();
    process.stderr.write('\nStopping after what is under way. Once more ends at once.\n');
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  try {
    return await work(stopping.signal);
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}
