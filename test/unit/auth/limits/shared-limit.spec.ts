import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  type LimitPolicy,
  SharedLimit,
  type Usage,
  type UsageReport,
} from '../../../../src/auth/limits/shared-limit.ts';

const perSecond = (limit: number): LimitPolicy => ({ limit, periodMs: 1_000, carry: 'excess' });
const NONE: Usage = { wanted: 0, granted: 0 };

/** Replicas that exchange their counts like real ones, in simulated time. */
class Cluster {
  readonly replicas: SharedLimit[];
  readonly #reports = new Map<number, UsageReport>();
  readonly #exchangedAtMs: number[];
  readonly #isDirty: boolean[];
  readonly #arriving: { atMs: number; learn: () => void }[] = [];
  /** Granted requests of each second. */
  readonly granted = new Map<number, number>();
  wanted = 0;
  exchanges = 0;

  constructor(
    readonly policy: LimitPolicy,
    count: number,
    readonly latencyMs: number,
  ) {
    this.replicas = Array.from({ length: count }, () => new SharedLimit());
    this.#exchangedAtMs = this.replicas.map(() => Number.NEGATIVE_INFINITY);
    this.#isDirty = this.replicas.map(() => false);
  }

  request(index: number, nowMs: number): boolean {
    this.wanted++;
    this.#isDirty[index] = true;
    const { isGranted } = (this.replicas[index] as SharedLimit).take(this.policy, nowMs, false);
    const second = Math.floor(nowMs / 1_000);
    if (isGranted) this.granted.set(second, (this.granted.get(second) ?? 0) + 1);
    return isGranted;
  }

  /** Runs the exchanges that are due. */
  tick(nowMs: number): void {
    for (const arrival of this.#arriving.splice(0)) {
      if (arrival.atMs <= nowMs) arrival.learn();
      else this.#arriving.push(arrival);
    }
    for (const [index, replica] of this.replicas.entries()) {
      const sinceMs = nowMs - (this.#exchangedAtMs[index] ?? 0);
      const dueMs = replica.isExchangeUrgent(this.policy) ? 50 : 200;
      if (this.#isDirty[index] !== true || sinceMs < dueMs) continue;
      this.#exchange(index, replica, nowMs);
    }
  }

  #exchange(index: number, replica: SharedLimit, nowMs: number): void {
    this.exchanges++;
    this.#exchangedAtMs[index] = nowMs;
    this.#isDirty[index] = false;
    const report = replica.report();
    this.#reports.set(index, report);
    const others = [...this.#reports].filter(([each]) => each !== index).map(([, each]) => each);
    const sum = (period: number): Usage => others.reduce((total, each) => add(total, usageIn(each, period)), NONE);
    const [now, before] = [sum(report.period), sum(report.period - 1)];
    this.#arriving.push({ atMs: nowMs + this.latencyMs, learn: () => replica.learn(report.period, now, before) });
  }
}

function usageIn({ period, own, ownBefore }: UsageReport, wanted: number): Usage {
  if (period === wanted) return own;
  return period - 1 === wanted ? ownBefore : NONE;
}

const add = (a: Usage, b: Usage): Usage => ({ wanted: a.wanted + b.wanted, granted: a.granted + b.granted });

/** Runs for `seconds`, with requests per second at each replica. */
function run(cluster: Cluster, ratesPerSecond: readonly number[], seconds: number, startMs = 0): number {
  let granted = 0;
  const due = ratesPerSecond.map(() => 0);
  for (let nowMs = startMs; nowMs < startMs + seconds * 1_000; nowMs += 5) {
    for (const [index, rate] of ratesPerSecond.entries()) {
      due[index] = (due[index] ?? 0) + rate / 200;
      for (; (due[index] ?? 0) >= 1; due[index] = (due[index] ?? 0) - 1) if (cluster.request(index, nowMs)) granted++;
    }
    cluster.tick(nowMs);
  }
  return granted;
}

describe('a limit over all replicas', () => {
  it('is granted to within a tenth, however the requests are spread', () => {
    const limits = fc.integer({ min: 5, max: 500 });
    const shape = fc.record({
      limit: limits,
      parts: fc
        .array(fc.integer({ min: 0, max: 10 }), { minLength: 1, maxLength: 5 })
        .filter((p) => p.some((n) => n > 0)),
      times: fc.integer({ min: 2, max: 40 }),
      latencyMs: fc.constantFrom(5, 20, 60),
    });
    fc.assert(
      fc.property(shape, ({ limit, parts, times, latencyMs }) => {
        const total = parts.reduce((sum, part) => sum + part, 0);
        const rates = parts.map((part) => (limit * times * part) / total);
        const cluster = new Cluster(perSecond(limit), parts.length, latencyMs);
        const seconds = 20;
        const granted = run(cluster, rates, seconds);
        // At the end, each replica may have granted one that the next second would pay for.
        expect(granted).toBeLessThanOrEqual(limit * seconds * 1.1 + parts.length);
        expect(granted).toBeGreaterThanOrEqual(limit * seconds * 0.9);
      }),
      { numRuns: 60, examples: [[{ limit: 11, parts: [4, 4, 5, 6, 7], times: 38, latencyMs: 60 }]] },
    );
  });

  it('refuses nobody who stays below it, wherever the requests go', () => {
    const shape = fc.record({
      limit: fc.integer({ min: 1, max: 50 }),
      targets: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 200 }),
    });
    fc.assert(
      fc.property(shape, ({ limit, targets }) => {
        const cluster = new Cluster(perSecond(limit), 4, 20);
        // Up to the limit in each second, in a burst at its beginning.
        for (const [count, target] of targets.entries()) {
          const nowMs = Math.floor(count / limit) * 1_000 + (count % limit);
          cluster.tick(nowMs);
          expect(cluster.request(target, nowMs)).toBe(true);
        }
      }),
    );
  });

  it('takes from the next second what a burst got at replicas that did not know of each other', () => {
    const cluster = new Cluster(perSecond(100), 2, 20);
    for (let count = 0; count < 200; count++) cluster.request(count % 2, 0);
    expect(cluster.granted.get(0)).toBe(200);
    const later = run(cluster, [500, 500], 3, 100);
    expect(200 + later).toBeLessThanOrEqual(440);
    expect(200 + later).toBeGreaterThanOrEqual(200);
  });

  it('tells when a burst is paid for', () => {
    const limit = new SharedLimit();
    const take = (nowMs: number) => limit.take(perSecond(100), nowMs, false);
    expect(take(0)).toMatchObject({ isGranted: true, resetMs: 1_000 });
    limit.learn(0, { wanted: 400, granted: 299 }, NONE);
    expect(take(1_200)).toEqual({ isGranted: false, remaining: 0, resetMs: 1_800 });
    expect(take(2_000)).toEqual({ isGranted: false, remaining: 0, resetMs: 1_000 });
    expect(take(3_000)).toMatchObject({ isGranted: true, resetMs: 1_000 });
  });

  it('asks the database far less often than requests come', () => {
    const cluster = new Cluster(perSecond(500), 3, 10);
    run(cluster, [2_000, 2_000, 2_000], 10);
    expect(cluster.wanted).toBe(60_000);
    expect(cluster.exchanges).toBeLessThanOrEqual(3 * 10 * 20);
  });
});

describe('without the others', () => {
  it('a replica grants the part that it had, and never more than the limit', () => {
    const policy = perSecond(90);
    const limit = new SharedLimit();
    const grantedAt = (nowMs: number, isIsolated: boolean): number =>
      Array.from({ length: 200 }, () => limit.take(policy, nowMs, isIsolated)).filter(({ isGranted }) => isGranted)
        .length;
    limit.take(policy, 0, false);
    limit.learn(0, { wanted: 400, granted: 0 }, NONE);
    const [own, period] = [29, 0];
    for (let count = 0; count < own; count++) limit.take(policy, 10, false);
    limit.learn(period, { wanted: 400, granted: 60 }, NONE);
    expect(grantedAt(1_000, true)).toBe(30);
    expect(grantedAt(5_000, true)).toBe(30);
    expect(new SharedLimit().take(perSecond(0), 0, true).isGranted).toBe(false);
  });
});

describe('attempts of a minute', () => {
  const policy: LimitPolicy = { limit: 10, periodMs: 60_000, carry: 'sliding' };
  const attempt = (limit: SharedLimit, nowMs: number): boolean => limit.take(policy, nowMs, false).isGranted;

  it('do not begin anew with the next minute', () => {
    const limit = new SharedLimit();
    for (let count = 0; count < 10; count++) expect(attempt(limit, 59_900)).toBe(true);
    expect(attempt(limit, 59_950)).toBe(false);
    expect(attempt(limit, 60_000)).toBe(false);
    expect(attempt(limit, 60_000 + 31_000)).toBe(true);
    expect(limit.take(policy, 119_000, false).resetMs).toBe(1_000);
  });

  it('count at all replicas together', () => {
    const limit = new SharedLimit();
    for (let count = 0; count < 4; count++) expect(attempt(limit, 1_000)).toBe(true);
    limit.learn(0, { wanted: 6, granted: 6 }, NONE);
    expect(attempt(limit, 1_100)).toBe(false);
  });
});
