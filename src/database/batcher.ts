interface Call<I, O> {
  input: I;
  resolve: (output: O) => void;
  reject: (error: unknown) => void;
}

/**
 * Joins concurrent calls into one statement: while `maxInFlight` statements are running, further calls wait and share
 * the next. A lone call runs at once, so batching costs nothing when idle; under load it saves round trips and commits
 * (fsync).
 */
export class Batcher<I, O> {
  readonly #run: (inputs: I[]) => Promise<O[]>;
  readonly #maxSize: number;
  readonly #maxInFlight: number;
  readonly #maxFullInFlight: number;
  readonly #minBesides: number;
  readonly #deadline: { ms: number; error: () => unknown } | null;
  #waiting: Call<I, O>[] = [];
  #inFlight = 0;
  #scheduled = false;

  /**
   * `run` returns one output per input, in order. If it fails, every call of the batch fails with its error. A call
   * without an output by the `deadline` fails with that error; if it is still queued, `run` never sees it.
   * `maxFullInFlight`: limit on statements in flight when the next batch is full (default: `maxInFlight`).
   * `minBesides`: number of calls that must be waiting before another statement starts while one is in flight (default:
   * 1). Higher values make batches larger and calls wait longer.
   */
  constructor(
    run: (inputs: I[]) => Promise<O[]>,
    options: {
      maxSize: number;
      maxInFlight: number;
      maxFullInFlight?: number;
      minBesides?: number;
      deadline?: { ms: number; error: () => unknown };
    },
  ) {
    this.#deadline = options.deadline ?? null;
    this.#run = run;
    this.#maxSize = options.maxSize;
    this.#maxInFlight = options.maxInFlight;
    this.#maxFullInFlight = options.maxFullInFlight ?? options.maxInFlight;
    this.#minBesides = options.minBesides ?? 1;
  }

  submit(input: I): Promise<O> {
    return new Promise((resolve, reject) => {
      this.#waiting.push(this.#withDeadline({ input, resolve, reject }));
      if (this.#scheduled || this.#waiting.length < this.#leastToStart()) return;
      this.#scheduled = true;
      // Wait for all requests read in this turn of the event loop, so that they share a batch.
      setImmediate(() => {
        this.#scheduled = false;
        this.#flush();
      });
    });
  }

  #flush(): void {
    while (this.#waiting.length >= this.#leastToStart()) {
      const batch = this.#waiting.splice(0, this.#maxSize);
      this.#inFlight++;
      void this.#dispatch(batch);
    }
  }

  /** How many calls must be waiting before a statement starts. */
  #leastToStart(): number {
    if (this.#inFlight === 0) return 1;
    if (this.#inFlight < this.#maxInFlight) return this.#minBesides;
    return this.#inFlight < this.#maxFullInFlight ? this.#maxSize : Number.POSITIVE_INFINITY;
  }

  #withDeadline(call: Call<I, O>): Call<I, O> {
    if (this.#deadline === null) return call;
    const { ms, error } = this.#deadline;
    const timer = setTimeout(() => {
      // One more turn of the event loop, because outputs may have arrived while this process was stalled.
      setImmediate(() => {
        this.#waiting = this.#waiting.filter((each) => each !== timed);
        call.reject(error());
      });
    }, ms);
    const timed: Call<I, O> = {
      input: call.input,
      resolve: (output) => {
        clearTimeout(timer);
        call.resolve(output);
      },
      reject: (cause) => {
        clearTimeout(timer);
        call.reject(cause);
      },
    };
    return timed;
  }

  async #dispatch(batch: Call<I, O>[]): Promise<void> {
    try {
      const outputs = await this.#run(batch.map((call) => call.input));
      if (outputs.length !== batch.length) throw new Error('a batch must return one output per call');
      for (const [index, call] of batch.entries()) call.resolve(outputs[index] as O);
    } catch (error) {
      for (const call of batch) call.reject(error);
    } finally {
      this.#inFlight--;
      this.#flush();
    }
  }
}
