import { invalidInputError } from './problem.ts';

/** RFC 3339 with time and offset. `Date.parse` checks the ranges. */
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/i;

/** Parses an instant of a request; `path` names the field. Throws 400 `invalid_request`. */
export function parseInstant(path: string, text: string): Date {
  const epochMs = INSTANT.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(epochMs)) throw invalidInputError(path, 'is not an RFC 3339 instant such as 2026-01-31T09:30:00Z');
  return new Date(epochMs);
}
