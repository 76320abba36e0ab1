import { Inject, Injectable } from '@nestjs/common';
import { GatewayLeaseVerifier } from '../leases/gateway-lease-verifier.ts';
import type { LeaseId } from '../leases/ids.ts';
import { LOGGER, type Pino } from '../platform/logger.ts';

/** A call is checked from the second interval on, so it ends within two intervals and a statement after its lease. */
const CHECK_INTERVAL_MS = 100;
/** When checks have failed for this long, all calls end: a lease may have been ended without us seeing it. */
const MAX_CHECK_OUTAGE_MS = 10_000;

/** Receives the reason why a call has to end. */
type OnLeaseEnded = (code: 'lease_invalid' | 'database_unavailable') => void;

/**
 * Ends calls that outlive their lease: a running upload, a long response. One statement checks all of them; calls that are
 * over within a tenth of a second cost nothing here.
 */
@Injectable()
export class LeaseMonitor {
  readonly #calls = new Map<object, { leaseId: LeaseId; end: OnLeaseEnded; checkCount: number }>();
  #timer: NodeJS.Timeout | null = null;
  #isChecking = false;
  /** Since when checks have failed (monotonic); null while they succeed. */
  #failingSinceMs: number | null = null;

  constructor(
    @Inject(GatewayLeaseVerifier) private readonly leases: GatewayLeaseVerifier,
    @Inject(LOGGER) private readonly log: Pino,
  ) {}

  /** Calls `end` as soon as the lease is seen to have ended. Returns a function that stops watching. */
  track(leaseId: LeaseId, end: OnLeaseEnded): () => void {
    const call = { leaseId, end, checkCount: 0 };
    this.#calls.set(call, call);
    this.#timer ??= setInterval(() => void this.#check(), CHECK_INTERVAL_MS).unref();
    return () => {
      this.#calls.delete(call);
    };
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  async #check(): Promise<void> {
    if (this.#calls.size === 0) return this.close();
    // The first check would find calls that have just begun.
    const old = [...this.#calls.values()].filter((call) => call.checkCount++ > 0);
    if (old.length === 0 || this.#isChecking) return;
    this.#isChecking = true;
    try {
      const good = await this.leases.filterActive([...new Set(old.map((call) => call.leaseId))]);
      this.#failingSinceMs = null;
      for (const call of old) if (!good.has(call.leaseId)) call.end('lease_invalid');
    } catch (error) {
      if (this.#failingSinceMs === null) this.log.warn({ err: error }, 'the leases of long calls could not be checked');
      this.#failingSinceMs ??= performance.now();
      if (performance.now() - this.#failingSinceMs >= MAX_CHECK_OUTAGE_MS)
        for (const call of old) call.end('database_unavailable');
    } finally {
      this.#isChecking = false;
    }
  }
}
