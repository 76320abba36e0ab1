import type { Actor } from '../audit/audit-log.ts';
import { StartupError } from '../bootstrap/startup-error.ts';
import { AppError } from '../platform/problem.ts';

/** Who works at the command line, for the audit record. */
export const OPERATOR: Actor = Object.freeze({ kind: 'operator', id: null });

/** Refusals of a service in words, without a stack. */
export async function explainProblems<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof AppError ? new StartupError(`${error.detail} ${error.remedy}`, error) : error;
  }
}
