import { Inject, Injectable } from '@nestjs/common';
import { GatewayLeaseVerifier } from '../leases/gateway-lease-verifier.ts';
import type { LeaseId } from '../leases/ids.ts';
import { LOGGER, type Pino } from '../platform/logger.ts';

/** A call is looked at from its second look on, so it ends within two of these and a statement after its lease. */
const CHECK_INTERVAL_MS = 100;
/** Who cannot look for so long ends what is under way: an ending may have been recorded by somebody who can. */
const MAX_CHECK_OUTAGE_MS = 10_000;

/** Hears why a call has to end. */
type OnLeaseEnded = (code: 'lease_invalid' | 'database_unavailable') => void;

/**
 * Ends calls that outlive their lease: a running upload, a long answer. One statement looks after all of them; calls that are
 * over within a tenth of a second cost nothing here.
 */
@Injectable()
export class LeaseMonitor {
  readonly #calls = new Map<object, { leaseId: LeaseId; end: OnLeaseEnded; checkCount: number }>();
  #timer: NodeJS.Timeout | null = null;
  #isChecking = false;
  /** Since when looking fails (monotonic); null while it does not. */
  #failingSinceMs: number | null = null;

  constructor(
    @Inject(GatewayLeaseVerifier) private readonly leases: GatewayLeaseVerifier,
    @Inject(LOGGER) private readonly log: Pino,
  ) {}

  /** From now on `end` is called as soon as the lease is seen to have ended. Returns what stops that. */
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
    // The first look finds calls that have just begun.
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
