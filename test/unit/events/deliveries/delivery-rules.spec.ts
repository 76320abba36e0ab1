import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { RETRY_WINDOW_SECONDS, retryDelaySeconds } from '../../../../src/events/deliveries/retry-schedule.ts';
import { classifyAttempt } from '../../../../src/events/dispatch/classify-attempt.ts';
import {
  MAX_CONCURRENT_QUEUES,
  SubscriberConcurrency,
} from '../../../../src/events/dispatch/subscriber-concurrency.ts';
import { RawJson, serializeEventData } from '../../../../src/events/outbox/event-data.ts';
import type { DeliveredEventType } from '../../../../src/events/outbox/event-type.ts';
import { matchesFilter, type SubscriptionFilter } from '../../../../src/events/outbox/subscription-filter.ts';
import { retryAfterSeconds } from '../../../../src/events/subscribers/retry-after.ts';
import {
  buildWebhookBody,
  buildWebhookHeaders,
  generateSigningSecret,
} from '../../../../src/events/subscribers/standard-webhook.ts';
import { SystemRandom } from '../../../../src/platform/random.ts';

const NOW = new Date('2026-11-22T12:00:00.000Z');

describe('the retry schedule', () => {
  it('retries first within five seconds, including the poll for due deliveries (half a second)', () => {
    expect(retryDelaySeconds(1, 0)).toBeGreaterThan(0);
    expect(retryDelaySeconds(1, 0.999999)).toBeLessThan(4.4);
  });

  it('doubles up to six hours, half of it jitter, for about twenty attempts in three days', () => {
    for (let failures = 2; failures < 40; failures++) {
      const [shortest, longest] = [retryDelaySeconds(failures, 0), retryDelaySeconds(failures, 0.999999)];
      expect(longest / shortest).toBeCloseTo(2, 4);
      expect(longest).toBeLessThanOrEqual(6 * 3600);
      expect(shortest).toBeGreaterThanOrEqual(retryDelaySeconds(failures - 1, 0));
    }
    let [attempts, passed] = [1, 0];
    while (passed < RETRY_WINDOW_SECONDS) passed += retryDelaySeconds(attempts++, 0.5);
    expect(attempts).toBeGreaterThan(15);
    expect(attempts).toBeLessThan(40);
  });

  it('reads Retry-After as seconds or a date, capped at a day', () => {
    expect(retryAfterSeconds('120', NOW)).toBe(120);
    expect(retryAfterSeconds('Sun, 22 Nov 2026 12:01:00 GMT', NOW)).toBe(60);
    expect(retryAfterSeconds('Sun, 22 Nov 2026 11:01:00 GMT', NOW)).toBe(0);
    expect(retryAfterSeconds('999999999', NOW)).toBe(86_400);
    for (const nothing of [undefined, '', 'soon', '-5 apples']) expect(retryAfterSeconds(nothing, NOW)).toBeNull();
  });
});

describe('the verdict on an attempt', () => {
  const of = { failures: 0, retryUntil: new Date(NOW.getTime() + 1000) };
  const failed = { status: 500, error: 'http_status', retryAfterSeconds: null } as const;

  it('is delivered, retry, gone, or dead', () => {
    expect(classifyAttempt({ status: 200, error: null, retryAfterSeconds: null }, of, NOW, 0)).toEqual({
      kind: 'delivered',
    });
    expect(classifyAttempt({ ...failed, status: 410 }, of, NOW, 0)).toEqual({ kind: 'gone' });
    expect(classifyAttempt(failed, of, NOW, 0)).toMatchObject({ kind: 'retry', shouldDelaySubscription: false });
    expect(classifyAttempt(failed, { ...of, retryUntil: NOW }, NOW, 0)).toEqual({ kind: 'dead' });
    const unwanted = { status: null, error: 'not_subscribed', retryAfterSeconds: null } as const;
    expect(classifyAttempt(unwanted, of, NOW, 0)).toEqual({ kind: 'dead' });
    // A delivery that waited longer than three days still gets one attempt.
    const late = { failures: 0, retryUntil: new Date(0) };
    expect(classifyAttempt({ status: 200, error: null, retryAfterSeconds: null }, late, NOW, 0)).toEqual({
      kind: 'delivered',
    });
  });

  it('delays the whole subscription if the subscriber asks, and never shortens the wait', () => {
    const asked = { ...failed, status: 429, retryAfterSeconds: 90 };
    expect(classifyAttempt(asked, of, NOW, 0)).toEqual({
      kind: 'retry',
      retryAt: new Date(NOW.getTime() + 90_000),
      shouldDelaySubscription: true,
    });
    const verdict = classifyAttempt({ ...asked, retryAfterSeconds: 0 }, of, NOW, 0);
    expect(verdict.kind === 'retry' && verdict.retryAt > NOW).toBe(true);
  });
});

describe('the subscription filter', () => {
  const all: SubscriptionFilter = { events: ['meta.webhook'], tenants: null, products: null };
  const event = { type: 'meta.webhook' as const, tenant: 'acme', product: 'pages' };

  it('matches type, tenant, and product', () => {
    expect(matchesFilter(all, event)).toBe(true);
    expect(matchesFilter(all, { ...event, type: 'connection.created' })).toBe(false);
    expect(matchesFilter({ ...all, tenants: ['acme'] }, event)).toBe(true);
    expect(matchesFilter({ ...all, tenants: ['rival'] }, event)).toBe(false);
    expect(matchesFilter({ ...all, products: ['ads'] }, event)).toBe(false);
  });

  it('never gives events without a tenant to subscriptions that name tenants', () => {
    expect(matchesFilter(all, { ...event, tenant: null, product: null })).toBe(true);
    expect(matchesFilter({ ...all, tenants: ['acme'] }, { ...event, tenant: null })).toBe(false);
    expect(matchesFilter({ ...all, products: ['pages'] }, { ...event, product: null })).toBe(false);
  });
});

describe('a signed message', () => {
  it("is accepted by the specification's library, with each secret and any text", () => {
    const random = new SystemRandom();
    const secrets = [generateSigningSecret(random), generateSigningSecret(random)];
    const now = new Date();
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.jsonValue(), (text, data) => {
        const type = text as DeliveredEventType;
        const body = buildWebhookBody({ id: 'evt_1', type, at: NOW, data: JSON.stringify(data) });
        const headers = buildWebhookHeaders('evt_1', body, secrets, now);
        for (const secret of secrets) {
          expect(new Webhook(secret.expose()).verify(Buffer.from(body), headers)).toEqual(JSON.parse(body));
        }
        expect(() => new Webhook(generateSigningSecret(random).expose()).verify(body, headers)).toThrow();
        expect(() => new Webhook(secrets[0]?.expose() ?? '').verify(`${body} `, headers)).toThrow();
      }),
      { numRuns: 50 },
    );
  });
});

describe('event data', () => {
  it('keeps raw JSON verbatim, and serializes the rest as usual', () => {
    const raw = '{"id":123456789012345678901, "x" : 1.0}';
    expect(serializeEventData({ object: 'page', entry: new RawJson(raw), none: undefined })).toBe(
      `{"object":"page","entry":${raw}}`,
    );
    const data = { a: 1, 'b"c': [null], d: { e: 'f' }, g: NOW };
    expect(serializeEventData(data)).toBe(JSON.stringify(data));
    expect(serializeEventData({})).toBe('{}');
  });
});

describe('subscriber concurrency', () => {
  it('falls to one request without responses, and rises again', () => {
    const concurrency = new SubscriberConcurrency();
    concurrency.start('sub_1');
    expect(concurrency.remainingSlots().get('sub_1')).toBe(MAX_CONCURRENT_QUEUES - 1);
    for (let i = 0; i < 6; i++) concurrency.recordResponse('sub_1', false);
    expect(concurrency.remainingSlots().get('sub_1')).toBe(0);
    concurrency.finish('sub_1');
    expect(concurrency.remainingSlots().get('sub_1')).toBe(1);
    concurrency.start('sub_1');
    for (let i = 0; i < 40; i++) concurrency.recordResponse('sub_1', true);
    expect(concurrency.remainingSlots().get('sub_1')).toBe(MAX_CONCURRENT_QUEUES - 1);
    concurrency.finish('sub_1');
    expect(concurrency.remainingSlots().size).toBe(0);
  });
});
