/** Work that runs once at a time for each key; concurrent calls with the same key share one run. */
export class SingleFlight<T> {
  readonly #inFlight = new Map<string, Promise<T>>();

  /** The run under way for `key`, if any. */
  find(key: string): Promise<T> | undefined {
    return this.#inFlight.get(key);
  }

  /** The run under way for `key`, or else the one that `work` starts. */
  run(key: string, work: () => Promise<T>): Promise<T> {
    const running = this.#inFlight.get(key);
    if (running !== undefined) return running;
    const flight = work().finally(() => this.#inFlight.delete(key));
    this.#inFlight.set(key, flight);
    return flight;
  }
}
