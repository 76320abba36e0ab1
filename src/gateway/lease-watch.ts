import { Inject, Injectable } from '@nestjs/common';
import { LeaseCheck } from '../leases/lease-check.ts';
import { LOGGER, type Pino } from '../platform/logger.ts';

/** A call is looked at from its second look on, so it ends within two of these and a statement after its lease. */
const LOOK_EVERY_MS = 500;

/** Ends calls that outlive their lease: a running upload, a long answer. Those that are over within half a second cost nothing here. */
@Injectable()
export class LeaseWatch {
  readonly #calls = new Map<object, { leaseId: string; end: () => void; looks: number }>();
  #timer: NodeJS.Timeout | null = null;
  #isLooking = false;

  constructor(
    @Inject(LeaseCheck) private readonly leases: LeaseCheck,
    @Inject(LOGGER) private readonly log: Pino,
  ) {}

  /** From now on `end` is called as soon as the lease is seen to have ended. Returns what stops that. */
  begin(leaseId: string, end: () => void): () => void {
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
      for (const call of old) if (!good.has(call.leaseId)) call.end();
    } catch (error) {
      this.log.warn({ err: error }, 'the leases of long calls could not be looked at');
    } finally {
      this.#isLooking = false;
    }
  }
}
