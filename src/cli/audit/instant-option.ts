import { UsageError } from '../command-error.ts';

/** The instant that an option names. Throws `UsageError`. */
export function toInstantOption(option: string, text: string): Date {
  const epochMs = Date.parse(text);
  if (Number.isNaN(epochMs)) throw new UsageError(`${option} is not an instant such as 2026-01-31T09:30:00Z.`);
  return new Date(epochMs);
}
