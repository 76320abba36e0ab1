/** Seconds in each unit, and the number of units from which it is precise enough. */
const UNITS = [
  ['year', 31_536_000, 2],
  ['month', 2_592_000, 3],
  ['day', 86_400, 1],
  ['hour', 3_600, 1],
  ['minute', 60, 1],
] as const;

/** `Nov 28, 2026, 9:30 AM`, in the viewer's zone unless another is given. */
export function formatInstant(at: Date, locale: string, timeZone?: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short', timeZone }).format(at);
}

/** `Nov 28, 2026`, in the viewer's zone unless another is given. */
export function formatDate(at: Date, locale: string, timeZone?: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeZone }).format(at);
}

/** `2026-11-28 09:30:00 UTC` */
export function formatUtc(at: Date): string {
  return `${at.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** `in 5 days`, `3 hours ago`. */
export function formatRelative(at: Date, now: Date, locale: string): string {
  const seconds = (at.getTime() - now.getTime()) / 1000;
  const format = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
  for (const [unit, length, least] of UNITS)
    if (Math.abs(seconds) >= length * least) return format.format(Math.trunc(seconds / length), unit);
  return format.format(Math.trunc(seconds), 'second');
}
