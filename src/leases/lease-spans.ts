import { addSeconds } from '../platform/clock.ts';
import { DAY_SECONDS } from '../platform/duration.ts';
import { firstIdAt } from '../platform/ids.ts';
import type { LeaseOwners, LeaseSpan } from './lease-list.query.ts';

/** No policy allows more (docs/api.md#leases). */
const MAX_LEASE_SECONDS = 3600;
/** By how much the clocks of replicas may differ. */
const SKEW_SECONDS = 300;
/** How long ago the spans begin that are tried in turn, before all that is left. */
const AGES_SECONDS = [2, 8, 32, 128, 512].map((hours) => hours * 3600);
const AFTER_ALL_IDS = 'lsf_';
const FAR_SECONDS = 100 * 365 * DAY_SECONDS;

/**
 * Spans that together hold the leases issued before the id `before` (null: all), newest first. Leases of a connection
 * or a tenant are found by when they end, at most an hour after their issue, so they are read span by span instead of
 * sorting all.
 */
export function leaseSpans(
  { connectionId, tenant }: Pick<LeaseOwners, 'connectionId' | 'tenant'>,
  { before, isActive, now }: { before: string | null; isActive: boolean; now: Date },
): LeaseSpan[] {
  const oldest = isActive ? MAX_LEASE_SECONDS + SKEW_SECONDS : FAR_SECONDS;
  const ages = (connectionId === null && tenant === null) || isActive ? [oldest] : [...AGES_SECONDS, oldest];
  const end = before ?? AFTER_ALL_IDS;
  const spans = ages.map((age, index): LeaseSpan => {
    const younger = ages[index - 1];
    const upper = younger === undefined ? AFTER_ALL_IDS : firstIdAt('lse', addSeconds(now, -younger));
    return {
      from: firstIdAt('lse', addSeconds(now, -age)),
      before: upper < end ? upper : end,
      endsAfter: addSeconds(now, -age - SKEW_SECONDS),
      endsUntil: addSeconds(now, younger === undefined ? FAR_SECONDS : MAX_LEASE_SECONDS + SKEW_SECONDS - younger),
    };
  });
  return spans.filter(({ from, before: upper }) => from < upper);
}
