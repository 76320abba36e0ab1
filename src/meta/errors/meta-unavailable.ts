import { defineProblem } from '../../platform/problem.ts';

declare module '../../platform/problem.ts' {
  interface ProblemCodes {
    meta_unavailable: true;
  }
}

export const metaUnavailable = defineProblem(
  'meta_unavailable',
  503,
  'Meta is not responding properly at the moment.',
  'Retry after the time in Retry-After. If Meta confirmed the login, we finish it automatically. A code may be spent by now: log in again to get a new one.',
);
