import type { components } from '../../../../clients/typescript/src/schema.ts';

export type Overview = components['schemas']['OverviewResponse'];
export type Group = Overview['connections']['by'][number];

const DAY_MS = 86_400_000;

/**
 * Returns the next (or, if `count` is negative, the last) days in UTC, `2026-11-28`, earliest first, including today.
 */
export function daysAround(now: Date, count: number): string[] {
  const first = count < 0 ? count + 1 : 0;
  return Array.from({ length: Math.abs(count) }, (_, index) =>
    new Date(now.getTime() + (first + index) * DAY_MS).toISOString().slice(0, 10),
  );
}

/** Returns one row per day; days without a row get `none`. */
export function fillDays<T extends { date: string }>(
  days: readonly string[],
  rows: readonly T[],
  none: Omit<T, 'date'>,
) {
  const known = new Map(rows.map((row) => [row.date, row]));
  return days.map((date) => known.get(date) ?? { ...none, date });
}

/** Sums the connections that match a predicate. */
export function countOf(groups: readonly Group[], isCounted: (group: Group) => boolean): number {
  return groups.reduce((sum, group) => sum + (isCounted(group) ? group.count : 0), 0);
}

/** The exclusive end of a day in UTC: "before" it includes the whole day. */
export function endOfDay(date: string): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + DAY_MS).toISOString();
}
