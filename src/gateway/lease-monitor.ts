import { Inject, Injectable } from '@nestjs/common';
import { GatewayLeaseVerifier } from '../leases/gateway-lease-verifier.ts';
import type { LeaseId } from '../leases/ids.ts';
import { LOGGER, type Pino } from '../platform/logger.ts';

/**
 * Calls are checked from their second interval on, so one ends at most two intervals and one statement after its lease.
 */
const CHECK_INTERVAL_MS = 100;
/** Calls end if checks fail for this long: their leases may have ended unnoticed. */
const MAX_CHECK_OUTAGE_MS = 10_000;

/** Receives why a call must end. */
type OnLeaseEnded = (code: 'lease_invalid' | 'database_unavailable') => void;

/**
 * Ends calls that outlive their lease, such as uploads and long responses. One statement checks all of them; calls
 * shorter than an interval cost nothing.
 */
@Injectable()
export class LeaseMonitor {
  readonly #calls = new Map<object, { leaseId: LeaseId; end: OnLeaseEnded; checkCount: number }>();
  #timer: NodeJS.Timeout | null = null;
  #isChecking = false;
  /** When checks began to fail (monotonic); null while they succeed. */
  #failingSinceMs: number | null = null;

  constructor(
    @Inject(GatewayLeaseVerifier) private readonly leases: GatewayLeaseVerifier,
    @Inject(LOGGER) private readonly log: Pino,
  ) {}

  /** Calls `end` once the lease has ended. Returns a function that stops tracking. */
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
    // Skip calls that have just begun.
    const old = [...this.#calls.values()].filter((call) => call.checkCount++ > 0);
    if (old.length === 0 || this.#isChecking) return;
    this.#isChecking = true;
    try {
      const good = await this.leases.filterActive([...new Set(old.map((call) => call.leaseId))]);
      this.#failingSinceMs = null;
      for (const call of old) if (!good.has(call.leaseId)) call.end('lease_invalid');
    } catch (error) {
      if (this.#failingSinceMs === null) this.log.warn({ err: error }, 'leases of running calls could not be checked');
      this.#failingSinceMs ??= performance.now();
      if (performance.now() - this.#failingSinceMs >= MAX_CHECK_OUTAGE_MS)
        for (const call of old) call.end('database_unavailable');
    } finally {
      this.#isChecking = false;
    }
  }
}
