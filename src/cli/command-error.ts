import { StartupError, type StartupErrorDescription } from '../bootstrap/startup-error.ts';

/** The command line is wrong. Nothing was done. */
export class UsageError extends StartupError {
  constructor(detail: string, remedy = 'See --help.') {
    super({ code: 'invalid_command_line', detail, remedy });
  }
}

/** Only part of the work was done, or a check failed. Standard output has the details. */
export class IncompleteError extends StartupError {
  constructor(detail: string, remedy: string) {
    super({ code: 'incomplete', detail, remedy });
  }
}

/** Ctrl-C or SIGTERM: the step in progress was finished, the rest was not started. */
export class InterruptedError extends StartupError {
  constructor(detail: string, remedy: string) {
    super({ code: 'interrupted', detail, remedy });
  }
}

/** The operator did not confirm. Nothing was done. */
export class NotConfirmedError extends StartupError {
  constructor({ detail, remedy }: Pick<StartupErrorDescription, 'detail' | 'remedy'>) {
    super({ code: 'not_confirmed', detail, remedy });
  }
}

export const EXIT_CODES = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** What each exit code means, for `--help` and docs/cli.md. */
export const EXIT_CODE_MEANINGS: readonly (readonly [number, string])[] = [
  [EXIT_CODES.done, 'done'],
  [EXIT_CODES.failed, 'failed, only partly done, or a check did not pass'],
  [EXIT_CODES.usage, 'wrong command line; nothing was done'],
  [EXIT_CODES.interrupted, 'interrupted by SIGINT or SIGTERM; running it again continues'],
];

/** The exit code of a command that threw `error`. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return EXIT_CODES.usage;
  if (error instanceof InterruptedError) return EXIT_CODES.interrupted;
  return EXIT_CODES.failed;
}
