import type { Actor } from '../audit/actor.ts';
import { StartupError } from '../bootstrap/startup-error.ts';
import { AppError } from '../platform/problem.ts';

/** The actor of commands in the audit record. */
export const OPERATOR: Actor = Object.freeze({ kind: 'operator', id: null });

/** Turns an `AppError` into a `StartupError`, which is printed without a stack. */
export async function explainProblems<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const { code, detail, remedy } = error;
    throw new StartupError({ code, detail, remedy, cause: error });
  }
}
