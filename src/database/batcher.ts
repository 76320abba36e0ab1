/**
 * Joins calls that come at the same time into one statement: while `maxInFlight` statements are under way, further calls
 * wait and go together in the next. A lone call goes at once, so batching costs an idle service nothing; under load it divides
 * round trips and commits (fsync) by the number of callers.
 */
export class Batcher<I, O> {
  readonly #run: (inputs: I[]) => Promise<O[]>;
  readonly #maxSize: number;
  readonly #maxInFlight: number;
  #waiting: { input: I; resolve: (output: O) => void; reject: (error: unknown) => void }[] = [];
  #inFlight = 0;
  #scheduled = false;

  /** `run` gives one output per input, in their order. Its error is the error of each call of that batch. */
  constructor(run: (inputs: I[]) => Promise<O[]>, options: { maxSize: number; maxInFlight: number }) {
    this.#run = run;
    this.#maxSize = options.maxSize;
    this.#maxInFlight = options.maxInFlight;
  }

  submit(input: I): Promise<O> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ input, resolve, reject });
      if (this.#scheduled || this.#inFlight >= this.#maxInFlight) return;
      this.#scheduled = true;
      // After the requests that this turn of the event loop has read, so that they go together.
      setImmediate(() => {
        this.#scheduled = false;
        this.#flush();
      });
    });
  }

  #flush(): void {
    while (this.#waiting.length > 0 && this.#inFlight < this.#maxInFlight) {
      const batch = this.#waiting.splice(0, this.#maxSize);
      this.#inFlight++;
      void this.#dispatch(batch);
    }
  }

  async #dispatch(
    batch: { input: I; resolve: (output: O) => void; reject: (error: unknown) => void }[],
  ): Promise<void> {
    try {
      const outputs = await this.#run(batch.map((call) => call.input));
      if (outputs.length !== batch.length) throw new Error('a batch must answer each of its calls');
      for (const [index, call] of batch.entries()) call.resolve(outputs[index] as O);
    } catch (error) {
      for (const call of batch) call.reject(error);
    } finally {
      this.#inFlight--;
      this.#flush();
    }
  }
}
