import type { CommandContext } from '../command-context.ts';
import { EXIT_CODES } from '../command-error.ts';

/**
 * Runs long work that can be stopped: the first SIGINT or SIGTERM aborts the signal, so the step in progress ends and
 * no other starts; the second one exits at once, which leaves nothing half done either.
 */
export async function runInterruptible<T>(
  { notify }: CommandContext,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const stopping = new AbortController();
  const stop = (): void => {
    if (stopping.signal.aborted) process.exit(EXIT_CODES.interrupted);
    stopping.abort();
    notify({
      code: 'stopping',
      detail: 'Stopping after the step in progress.',
      remedy: 'Press Ctrl-C again to exit at once.',
    });
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
