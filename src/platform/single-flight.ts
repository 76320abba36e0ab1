/** Runs work once at a time per key: concurrent calls with the same key share one run. */
export class SingleFlight<T> {
  readonly #inFlight = new Map<string, Promise<T>>();

  /** Returns the current run for `key`, if any. */
  find(key: string): Promise<T> | undefined {
    return this.#inFlight.get(key);
  }

  /** Joins the current run for `key`, or starts one. */
  run(key: string, work: () => Promise<T>): Promise<T> {
    const running = this.#inFlight.get(key);
    if (running !== undefined) return running;
    const flight = work().finally(() => this.#inFlight.delete(key));
    this.#inFlight.set(key, flight);
    return flight;
  }
}
