import { StartupError } from '../bootstrap/startup-error.ts';

/** The command line is not valid. Nothing was done. */
export class UsageError extends StartupError {
  constructor(message: string) {
    super(message, undefined);
  }
}

/** It was done, but not for all, or what was looked at is not in order. Standard output has the particulars. */
export class IncompleteError extends StartupError {
  constructor(message: string) {
    super(message, undefined);
  }
}

/** Ctrl-C or SIGTERM: what had been begun was ended, and what is left is for the next run. */
export class InterruptedError extends StartupError {
  constructor(message: string) {
    super(message, undefined);
  }
}

export const EXIT_CODES = { failed: 1, usage: 2, interrupted: 130 } as const;

/** 1: not done, or not wholly; 2: the command line is wrong; 130: stopped by a signal, as shells have it. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return EXIT_CODES.usage;
  if (error instanceof InterruptedError) return EXIT_CODES.interrupted;
  return EXIT_CODES.failed;
}
