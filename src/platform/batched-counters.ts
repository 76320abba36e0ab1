import type { Counter, Histogram, LabelValues } from 'prom-client';

/**
 * A counter for thousands of events a second. prom-client validates and hashes labels on every call, which costs more
 * than the work counted, so this one adds up plain numbers. Call `flushInto` in the counter's `collect`.
 */
export class BatchedCounters<T extends string> {
  readonly #counts = new Map<string, { labels: LabelValues<T>; count: number }>();

  /** `key` must identify the labels: equal labels, equal key. */
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

/** Maximum number of values buffered per label. */
const MAX_BUFFERED_VALUES = 1_024;

/** Like `BatchedCounters`, for a histogram with one label. */
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
