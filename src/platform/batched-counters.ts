import type { Counter, Histogram, LabelValues } from 'prom-client';

/**
 * Counts of what happens thousands of times a second. prom-client checks and hashes the labels of each call, which costs more than much of
 * what is counted; here it is a number that grows, handed on when somebody reads the metrics: give `pour` to the counter's `collect`.
 */
export class BatchedCounters<T extends string> {
  readonly #counts = new Map<string, { labels: LabelValues<T>; count: number }>();

  /** `key` stands for the labels: equal for equal ones. */
  add(key: string, labels: LabelValues<T>): void {
    const entry = this.#counts.get(key);
    if (entry === undefined) this.#counts.set(key, { labels, count: 1 });
    else entry.count++;
  }

  flushInto(into: Counter<T>): void {
    for (const { labels, count } of this.#counts.values()) into.inc(labels, count);
    this.#counts.clear();
  }
}

/** So many values of a label are kept at the most. */
const MAX_BUFFERED_VALUES = 1_024;

/** The same for a histogram with one label: its values are handed on in a row, which costs a fraction of what each costs amid other work. */
export class BatchedObservations<T extends string> {
  readonly #values = new Map<string, number[]>();

  constructor(private readonly label: T) {}

  add(label: string, value: number, histogram: Histogram<T>): void {
    const values = this.#values.get(label);
    if (values === undefined) this.#values.set(label, [value]);
    else if (values.push(value) >= MAX_BUFFERED_VALUES) this.flushInto(histogram);
  }

  flushInto(into: Histogram<T>): void {
    for (const [label, values] of this.#values) {
      const labels = { [this.label]: label } as LabelValues<T>;
      for (const value of values) into.observe(labels, value);
    }
    this.#values.clear();
  }
}
