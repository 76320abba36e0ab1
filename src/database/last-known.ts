import { settleWithin } from '../platform/settle-within.ts';

const WAIT_MS = 500;

/** A value read from the database for callers that must not wait for it: metrics and readiness. */
export class LastKnown<T> {
  #last: T;
  #reading: Promise<void> | null = null;

  constructor(
    private readonly read: () => Promise<T>,
    initial: T,
  ) {
    this.#last = initial;
  }

  /** Reads it, one read at a time. Returns the last value if that fails or takes more than half a second. */
  async get(): Promise<T> {
    this.#reading ??= this.#refresh();
    await settleWithin(this.#reading, WAIT_MS, undefined);
    return this.#last;
  }

  async #refresh(): Promise<void> {
    try {
      this.#last = await this.read();
    } catch {
      // A failure is logged by the database monitor.
    } finally {
      this.#reading = null;
    }
  }
}
