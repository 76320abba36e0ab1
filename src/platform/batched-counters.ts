import type { Counter, Histogram, LabelValues } from 'prom-client';

/**
 * Counters for events that happen thousands of times a second. prom-client validates and hashes the labels of each call, which costs more
 * than much of what is counted; here a plain number grows, and is passed on when the metrics are read: call `flushInto` in the counter's
 * `collect`.
 */
export class BatchedCounters<T extends string> {
  readonly #counts = new Map<string, { labels: LabelValues<T>; count: number }>();

  /** `key` identifies the labels: equal labels have equal keys. */
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

/** How many values of one label are kept at most. */
const MAX_BUFFERED_VALUES = 1_024;

/**
 * The same for a histogram with one label: its values are passed on together, which costs a fraction of observing each one amid other work.
 */
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
