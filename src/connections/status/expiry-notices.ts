import { addSeconds } from '../../platform/clock.ts';
import { DAY_SECONDS } from '../../platform/duration.ts';

/** Days before an expiry at which it is announced, earliest first. */
const NOTICE_DAYS = [14, 7, 1] as const;

/** The notice due for an expiry: the latest threshold reached. Null: none yet. */
export function noticeDays(endsAt: Date, now: Date): number | null {
  const reached = NOTICE_DAYS.filter((days) => addSeconds(endsAt, -days * DAY_SECONDS) <= now);
  return reached.at(-1) ?? null;
}

/** When the next notice after `now` is due: a threshold or the expiry itself. Null: already expired. */
export function nextNoticeAt(endsAt: Date, now: Date): Date | null {
  const instants = [...NOTICE_DAYS.map((days) => addSeconds(endsAt, -days * DAY_SECONDS)), endsAt];
  return instants.find((instant) => instant > now) ?? null;
}

/** When the first notice of an expiry is due, possibly in the past. Null: no expiry. */
export function firstNoticeAt(endsAt: Date | null): Date | null {
  return endsAt === null ? null : addSeconds(endsAt, -NOTICE_DAYS[0] * DAY_SECONDS);
}
