import { addSeconds } from '../platform/clock.ts';
import { firstIdAt } from '../platform/ids.ts';
import type { LeaseId } from './ids.ts';
import type { LeaseSpan } from './lease-list.query.ts';

/** No policy allows more (docs/api.md#leases). */
const MAX_LEASE_SECONDS = 3600;
/** How far a lease's id and its issue may be apart. */
const TOLERANCE_SECONDS = 300;
const AFTER_ALL_IDS = 'lsf_';

/** Leases with ids before this one have ended: id, issue, and end are by the clock of the replica that issued it. */
export function firstActiveId(now: Date): LeaseId {
  return firstIdAt('lse', addSeconds(now, -MAX_LEASE_SECONDS - TOLERANCE_SECONDS));
}

/** The ids of leases issued before the id `before` (null: all). */
export function leaseSpan({
  before,
  isActive,
  now,
}: {
  before: string | null;
  isActive: boolean;
  now: Date;
}): LeaseSpan {
  return { from: isActive ? firstActiveId(now) : '', before: before ?? AFTER_ALL_IDS };
}
