import type { components } from '../../../../clients/typescript/src/schema.ts';

export type Overview = components['schemas']['OverviewResponse'];
export type Group = Overview['connections']['by'][number];

const DAY_MS = 86_400_000;

/** The next (or, with a negative number, last) days in UTC, `2026-11-28`, the earliest first; today is one of them. */
export function daysAround(now: Date, count: number): string[] {
  const first = count < 0 ? count + 1 : 0;
  return Array.from({ length: Math.abs(count) }, (_, index) =>
    new Date(now.getTime() + (first + index) * DAY_MS).toISOString().slice(0, 10),
  );
}

/** One row for each day: those of which nothing is told have none. */
export function fillDays<T extends { date: string }>(
  days: readonly string[],
  rows: readonly T[],
  none: Omit<T, 'date'>,
) {
  const known = new Map(rows.map((row) => [row.date, row]));
  return days.map((date) => known.get(date) ?? { ...none, date });
}

/** Sums up the connections that a predicate chooses. */
export function countOf(groups: readonly Group[], isCounted: (group: Group) => boolean): number {
  return groups.reduce((sum, group) => sum + (isCounted(group) ? group.count : 0), 0);
}

/** The last instant of a day in UTC: what ends "before" it is all of the day. */
export function endOfDay(date: string): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + DAY_MS).toISOString();
}
