import { describe, expect, it } from '@jest/globals';
import { ConcurrencyLimiter, type Release } from '../../../src/gateway/concurrency-limiter.ts';
import { GatewayError } from '../../../src/gateway/gateway-error.ts';
import { Cancellation } from '../../../src/platform/cancellation.ts';

const calm = new Cancellation();
const newLimiter = (changes = {}) =>
  new ConcurrencyLimiter({ perClient: 10, perApp: 2, waitingPerClient: 5, waitMs: 1_000, ...changes });

describe('ConcurrencyLimiter', () => {
  it('lets the clients of an app take turns, however many calls one has waiting', async () => {
    const limiter = newLimiter();
    const first = limiter.acquire('app', 'cli_greedy', calm) as Release;
    const second = limiter.acquire('app', 'cli_greedy', calm) as Release;
    const order: string[] = [];
    const wait = (client: `cli_${string}`): Promise<Release> =>
      Promise.resolve(limiter.acquire('app', client, calm)).then((release) => {
        order.push(client);
        return release;
      });
    const waiting = [wait('cli_greedy'), wait('cli_greedy'), wait('cli_greedy'), wait('cli_modest')];
    first();
    second();
    for (const next of [waiting[0], waiting[3], waiting[1], waiting[2]]) (await next)?.();
    expect(order.indexOf('cli_modest')).toBeLessThanOrEqual(1);
    expect(limiter.count()).toEqual({ running: 0, waiting: 0 });
  });

  it('counts apps apart, and each client for itself', async () => {
    const limiter = newLimiter({ perClient: 1, perApp: 5 });
    const held = limiter.acquire('app', 'cli_a', calm);
    const waits = limiter.acquire('app', 'cli_a', calm);
    expect(held).toBeInstanceOf(Function);
    expect(waits).toBeInstanceOf(Promise);
    expect(limiter.acquire('app', 'cli_b', calm)).toBeInstanceOf(Function);
    expect(limiter.acquire('other', 'cli_a', calm)).toBeInstanceOf(Function);
    (held as Release)();
    (await waits)();
  });

  it('refuses who would wait with too many others, who waited too long, and who is gone', async () => {
    const limiter = newLimiter({ perApp: 1, waitingPerClient: 2, waitMs: 20 });
    const held = limiter.acquire('app', 'cli_a', calm) as Release;
    const gone = new Cancellation();
    const waits = [limiter.acquire('app', 'cli_a', calm), limiter.acquire('app', 'cli_a', gone)];
    expect(() => limiter.acquire('app', 'cli_a', calm)).toThrow(GatewayError);
    gone.cancel();
    const ends = await Promise.allSettled(waits);
    expect(ends.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(limiter.count()).toEqual({ running: 1, waiting: 0 });
    held();
    held();
    expect(limiter.count()).toEqual({ running: 0, waiting: 0 });
    expect(limiter.acquire('app', 'cli_a', calm)).toBeInstanceOf(Function);
  });
});
