import { Inject, Injectable } from '@nestjs/common';
import { LeaseCheck } from '../leases/gateway-lease-verifier.ts';
import { LOGGER, type Pino } from '../platform/logger.ts';

/** A call is looked at from its second look on, so it ends within two of these and a statement after its lease. */
const LOOK_EVERY_MS = 100;
/** Who cannot look for so long ends what is under way: an ending may have been recorded by somebody who can. */
const BLIND_MS = 10_000;

/** Hears why a call has to end. */
type Ending = (code: 'lease_invalid' | 'database_unavailable') => void;

/**
 * Ends calls that outlive their lease: a running upload, a long answer. One statement looks after all of them; calls that are
 * over within a tenth of a second cost nothing here.
 */
@Injectable()
export class LeaseWatch {
  readonly #calls = new Map<object, { leaseId: string; end: Ending; looks: number }>();
  #timer: NodeJS.Timeout | null = null;
  #isLooking = false;
  /** Since when looking fails (monotonic); null while it does not. */
  #blindSinceMs: number | null = null;

  constructor(
    @Inject(LeaseCheck) private readonly leases: LeaseCheck,
    @Inject(LOGGER) private readonly log: Pino,
  ) {}

  /** From now on `end` is called as soon as the lease is seen to have ended. Returns what stops that. */
  begin(leaseId: string, end: Ending): () => void {
    const call = { leaseId, end, looks: 0 };
    this.#calls.set(call, call);
    this.#timer ??= setInterval(() => void this.#look(), LOOK_EVERY_MS).unref();
    return () => {
      this.#calls.delete(call);
    };
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  async #look(): Promise<void> {
    if (this.#calls.size === 0) return this.close();
    // The first look finds calls that have just begun.
    const old = [...this.#calls.values()].filter((call) => call.looks++ > 0);
    if (old.length === 0 || this.#isLooking) return;
    this.#isLooking = true;
    try {
      const good = await this.leases.stillGood([...new Set(old.map((call) => call.leaseId))]);
      this.#blindSinceMs = null;
      for (const call of old) if (!good.has(call.leaseId)) call.end('lease_invalid');
    } catch (error) {
      if (this.#blindSinceMs === null) this.log.warn({ err: error }, 'the leases of long calls could not be looked at');
      this.#blindSinceMs ??= performance.now();
      if (performance.now() - this.#blindSinceMs >= BLIND_MS) for (const call of old) call.end('database_unavailable');
    } finally {
      this.#isLooking = false;
    }
  }
}
