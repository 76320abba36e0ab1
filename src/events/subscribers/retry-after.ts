/** The longest delay a subscriber may ask for. */
const MAX_RETRY_AFTER_SECONDS = 86_400;

/** Seconds in a `Retry-After` header (RFC 9110, 10.2.3: seconds or a date). Null: unreadable. */
export function retryAfterSeconds(header: string | undefined, now: Date): number | null {
  if (header === undefined) return null;
  const text = header.trim();
  const seconds = /^\d{1,9}$/.test(text) ? Number(text) : (Date.parse(text) - now.getTime()) / 1000;
  return Number.isNaN(seconds) ? null : Math.min(MAX_RETRY_AFTER_SECONDS, Math.max(0, seconds));
}
