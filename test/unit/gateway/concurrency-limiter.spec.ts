import { describe, expect, it } from '@jest/globals';
import { CallLimits, type Release } from '../../../src/gateway/concurrency-limiter.ts';
import { GatewayRefusal } from '../../../src/gateway/gateway-error.ts';
import { Cancellation } from '../../../src/platform/cancellation.ts';

const calm = new Cancellation();
const newLimits = (changes = {}) =>
  new CallLimits({ perClient: 10, perApp: 2, waitingPerClient: 5, waitMs: 1_000, ...changes });

describe('CallLimits', () => {
  it('lets the clients of an app take turns, however many calls one has waiting', async () => {
    const limits = newLimits();
    const first = limits.acquire('app', 'greedy', calm) as Release;
    const second = limits.acquire('app', 'greedy', calm) as Release;
    const order: string[] = [];
    const wait = (client: string): Promise<Release> =>
      Promise.resolve(limits.acquire('app', client, calm)).then((release) => {
        order.push(client);
        return release;
      });
    const waiting = [wait('greedy'), wait('greedy'), wait('greedy'), wait('modest')];
    first();
    second();
    for (const next of [waiting[0], waiting[3], waiting[1], waiting[2]]) (await next)?.();
    expect(order.indexOf('modest')).toBeLessThanOrEqual(1);
    expect(limits.count()).toEqual({ running: 0, waiting: 0 });
  });

  it('counts apps apart, and each client for itself', async () => {
    const limits = newLimits({ perClient: 1, perApp: 5 });
    const held = limits.acquire('app', 'a', calm);
    const waits = limits.acquire('app', 'a', calm);
    expect(held).toBeInstanceOf(Function);
    expect(waits).toBeInstanceOf(Promise);
    expect(limits.acquire('app', 'b', calm)).toBeInstanceOf(Function);
    expect(limits.acquire('other', 'a', calm)).toBeInstanceOf(Function);
    (held as Release)();
    (await waits)();
  });

  it('refuses who would wait with too many others, who waited too long, and who is gone', async () => {
    const limits = newLimits({ perApp: 1, waitingPerClient: 2, waitMs: 20 });
    const held = limits.acquire('app', 'a', calm) as Release;
    const gone = new Cancellation();
    const waits = [limits.acquire('app', 'a', calm), limits.acquire('app', 'a', gone)];
    expect(() => limits.acquire('app', 'a', calm)).toThrow(GatewayRefusal);
    gone.cancel();
    const ends = await Promise.allSettled(waits);
    expect(ends.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(limits.count()).toEqual({ running: 1, waiting: 0 });
    held();
    held();
    expect(limits.count()).toEqual({ running: 0, waiting: 0 });
    expect(limits.acquire('app', 'a', calm)).toBeInstanceOf(Function);
  });
});
