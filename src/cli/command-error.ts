import { StartupError } from '../bootstrap/startup-error.ts';

/** The command line is not valid. Nothing was done. */
export class UsageError extends StartupError {
  constructor(message: string) {
    super(message, undefined);
  }
}

/** The work was done only in part, or what was checked is not in order. Standard output has the details. */
export class IncompleteError extends StartupError {
  constructor(message: string) {
    super(message, undefined);
  }
}

/** Ctrl-C or SIGTERM: the step under way was finished, and the rest is left for the next run. */
export class InterruptedError extends StartupError {
  constructor(message: string) {
    super(message, undefined);
  }
}

export const EXIT_CODES = { failed: 1, usage: 2, interrupted: 130 } as const;

/** 1: not done, or not wholly; 2: invalid command line; 130: stopped by a signal, as in shells. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return EXIT_CODES.usage;
  if (error instanceof InterruptedError) return EXIT_CODES.interrupted;
  return EXIT_CODES.failed;
}
