import { lookUpNobody } from '../auth/client-lookup.query.ts';
import type { Database } from '../database/database.ts';
import { selectActiveLeases, selectionAt, selectSealedLeases } from '../leases/gateway-lease.query.ts';
import { insertNoForeseenLeases } from '../leases/issue-foreseen-leases.repository.ts';
import { insertNoLeases } from '../leases/issue-lease.repository.ts';
import type { Clock } from '../platform/clock.ts';
import { settleWithin } from '../platform/settle-within.ts';

/** An unavailable database must not keep a replica from starting; readiness then reports it. */
const WARM_UP_TIMEOUT_MS = 2_000;

/**
 * Opens the connections of leases and Graph calls, and has Postgres plan their statements, so that the first requests
 * need not wait for that: on two connections before this resolves, on the others soon after. Never throws; gives up
 * after two seconds.
 */
export async function warmUp({ database, clock }: { database: Database; clock: Clock }): Promise<void> {
  const now = clock.now();
  const none = selectionAt(now, []);
  const leases = [insertNoLeases(now), ...insertNoForeseenLeases(now)];
  const statements = [lookUpNobody(), ...leases, selectSealedLeases(none), selectActiveLeases(none)];
  // `DatabaseMonitor` logs failures.
  const work = database.failFast.warmUp(statements).catch(() => undefined);
  await settleWithin(work, WARM_UP_TIMEOUT_MS, undefined);
}
