import { addSeconds } from '../../platform/clock.ts';
import { DAY_SECONDS } from '../../platform/duration.ts';

/** Days before an end at which it is announced, the earliest first (CONTRACT 6.1). */
export const NOTICE_DAYS = [14, 7, 1] as const;

/** Which notice is due for an end: the latest threshold that has been reached. Null: none yet. */
export function noticeDays(endsAt: Date, now: Date): number | null {
  const reached = NOTICE_DAYS.filter((days) => addSeconds(endsAt, -days * DAY_SECONDS) <= now);
  return reached.at(-1) ?? null;
}

/** When the next notice after `now` is due: a threshold, or the end itself. Null: the end has passed. */
export function nextNoticeAt(endsAt: Date, now: Date): Date | null {
  const instants = [...NOTICE_DAYS.map((days) => addSeconds(endsAt, -days * DAY_SECONDS)), endsAt];
  return instants.find((instant) => instant > now) ?? null;
}
