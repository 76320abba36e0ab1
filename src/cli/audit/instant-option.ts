import { UsageError } from '../command-error.ts';

/** Parses the instant given for an option. Throws `UsageError`. */
export function toInstantOption(option: string, text: string): Date {
  const epochMs = Date.parse(text);
  if (!Number.isNaN(epochMs)) return new Date(epochMs);
  throw new UsageError(`${option} is not an RFC 3339 instant.`, 'Write it as 2026-01-31T09:30:00Z.');
}
