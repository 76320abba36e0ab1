import type { Lease } from './lease.ts';

/** Limit for the case that every lease expires in transit. */
const MAX_TRIES = 5;

/** Where the leases of one target come from. */
export interface LeaseSource {
  current(signal?: AbortSignal): Promise<Lease>;
  /** Forgets a lease that the gateway refused. */
  drop(lease: Lease): void;
  /** Whether the lease has expired, by our own clock. */
  isOver(lease: Lease): boolean;
}

/**
 * Makes a call with the current lease, and once more with another if the gateway refused the first. A lease that
 * expired in transit, on a slow machine, does not count as refused.
 */
export async function callWithLease<T>(
  leases: LeaseSource,
  call: (lease: Lease) => Promise<T>,
  isRefused: (outcome: T) => boolean | Promise<boolean>,
  signal?: AbortSignal,
): Promise<T> {
  for (let tries = 1, refusals = 0; ; tries++) {
    const lease = await leases.current(signal);
    const outcome = await call(lease);
    if (!(await isRefused(outcome))) return outcome;
    leases.drop(lease);
    if (!leases.isOver(lease)) refusals++;
    if (refusals === 2 || tries === MAX_TRIES) return outcome;
  }
}
