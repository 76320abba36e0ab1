import { expect, it } from '@jest/globals';
import { Counter, Histogram, Registry } from 'prom-client';
import { BatchedCounters, BatchedObservations } from '../../../src/platform/batched-counters.ts';

function metrics() {
  const registry = new Registry();
  const tallies = new BatchedCounters<'kind'>();
  const observations = new BatchedObservations('kind');
  new Counter({
    name: 'done_total',
    help: 'Done.',
    labelNames: ['kind'] as const,
    registers: [registry],
    collect(): void {
      tallies.flushInto(this);
    },
  });
  const histogram = new Histogram({
    name: 'took_seconds',
    help: 'Took.',
    labelNames: ['kind'] as const,
    buckets: [1, 10],
    registers: [registry],
    collect(): void {
      observations.flushInto(this);
    },
  });
  return { registry, tallies, observations, histogram };
}

it('passes counts on once when the metrics are read', async () => {
  const { registry, tallies } = metrics();
  for (const kind of ['a', 'b', 'a']) tallies.add(kind, { kind });
  for (let reading = 0; reading < 2; reading++) {
    const text = await registry.metrics();
    expect(text).toContain('done_total{kind="a"} 2');
    expect(text).toContain('done_total{kind="b"} 1');
  }
  tallies.add('a', { kind: 'a' });
  expect(await registry.metrics()).toContain('done_total{kind="a"} 3');
});

it('passes values on when the metrics are read, or when the buffer is full', async () => {
  const { registry, observations, histogram } = metrics();
  for (let count = 0; count < 5_000; count++) observations.add(count % 2 === 0 ? 'a' : 'b', 5, histogram);
  observations.add('a', 0.5, histogram);
  for (let reading = 0; reading < 2; reading++) {
    const text = await registry.metrics();
    expect(text).toContain('took_seconds_bucket{le="1",kind="a"} 1');
    expect(text).toContain('took_seconds_count{kind="a"} 2501');
    expect(text).toContain('took_seconds_sum{kind="b"} 12500');
  }
});
