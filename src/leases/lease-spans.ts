import { addSeconds } from '../platform/clock.ts';
import { firstIdAt } from '../platform/ids.ts';
import type { LeaseId } from './ids.ts';
import type { LeaseOwners, LeaseSpan } from './lease-list.query.ts';

/** No policy allows more (docs/api.md#leases). */
const MAX_LEASE_SECONDS = 3600;
/** Maximum difference between the time in a lease's id and its time of issue. */
const TOLERANCE_SECONDS = 300;
/** Ages at which the spans begin that are read in turn, before everything older. */
const AGES_SECONDS = [2, 8, 32, 128, 512].map((hours) => hours * 3600);
const AFTER_ALL_IDS = 'lsf_';

/** Leases with ids before this one have ended: id, issue, and end are by the clock of the replica that issued it. */
export function firstActiveId(now: Date): LeaseId {
  return firstIdAt('lse', addSeconds(now, -MAX_LEASE_SECONDS - TOLERANCE_SECONDS));
}

/**
 * Spans that together hold the leases issued before the id `before` (null: all), newest first. A tenant's leases are
 * read span by span, because each of its connections adds some.
 */
export function leaseSpans(
  { connectionId, tenant }: Pick<LeaseOwners, 'connectionId' | 'tenant'>,
  { before, isActive, now }: { before: string | null; isActive: boolean; now: Date },
): LeaseSpan[] {
  const isOfManyConnections = connectionId === null && tenant !== null;
  const ages = isOfManyConnections && !isActive ? AGES_SECONDS : [];
  const starts = [...ages.map((age) => firstIdAt('lse', addSeconds(now, -age))), isActive ? firstActiveId(now) : ''];
  const end = before ?? AFTER_ALL_IDS;
  const spans = starts.map((from, index): LeaseSpan => {
    const upper = starts[index - 1] ?? AFTER_ALL_IDS;
    return { from, before: upper < end ? upper : end };
  });
  return spans.filter(({ from, before: upper }) => from < upper);
}
