import { Injectable } from '@nestjs/common';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { LastKnown } from '../../database/last-known.ts';
import { EventBacklogQuery } from '../deliveries/event-backlog.query.ts';
import type { Attempt } from '../subscribers/attempt.ts';
import type { AttemptVerdict } from './classify-attempt.ts';

/** Delivery metrics. Subscriptions are not labels: each id would be its own time series. */
@Injectable()
export class DeliveryMetrics {
  private readonly attempts: Counter<'outcome' | 'error'>;
  private readonly duration: Histogram;
  private readonly lag: Histogram;

  constructor(registry: Registry, backlog: EventBacklogQuery) {
    const registers = [registry];
    this.attempts = new Counter({
      name: 'metavault_event_attempts_total',
      help: 'Requests to subscribers by outcome (delivered, retry, dead, gone) and error (none if delivered).',
      labelNames: ['outcome', 'error'],
      registers,
    });
    this.duration = new Histogram({
      name: 'metavault_event_attempt_duration_seconds',
      help: 'Duration of one request to a subscriber.',
      buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 10],
      registers,
    });
    this.lag = new Histogram({
      name: 'metavault_event_delivery_lag_seconds',
      help: 'Time from the event to its delivery.',
      buckets: [0.1, 0.5, 1, 2, 5, 15, 60, 300, 3600, 86_400],
      registers,
    });
    const counts = new LastKnown(() => backlog.count(), { undispatched: -1, pending: -1, dead: -1, refused: -1 });
    new Gauge({
      name: 'metavault_event_deliveries',
      help: 'Pending deliveries (refused: those that have failed), dead letters, and undispatched events; at most 100000 each, as last read. -1 if never read.',
      labelNames: ['status'],
      registers,
      async collect(): Promise<void> {
        for (const [status, count] of Object.entries(await counts.get())) this.set({ status }, count);
      },
    });
    const failing = new LastKnown(async () => (await backlog.listFailingSubscriptions()).length, -1);
    new Gauge({
      name: 'metavault_subscriptions_failing',
      help: 'Subscriptions that have failed for a day without a success, as last read. -1 if never read.',
      registers,
      async collect(): Promise<void> {
        this.set(await failing.get());
      },
    });
    const held = new LastKnown(
      async () => (await backlog.listHeldConnections()).reduce((sum, { connections }) => sum + connections, 0),
      -1,
    );
    new Gauge({
      name: 'metavault_event_connections_held',
      help: 'Connections whose next event a subscriber has refused for an hour while accepting others, as last read. -1 if never read.',
      registers,
      async collect(): Promise<void> {
        this.set(await held.get());
      },
    });
  }

  recordAttempt(attempt: Attempt, verdict: AttemptVerdict, seconds: number, lagSeconds: number): void {
    this.attempts.inc({ outcome: verdict.kind, error: attempt.error ?? 'none' });
    this.duration.observe(seconds);
    if (verdict.kind === 'delivered') this.lag.observe(lagSeconds);
  }
}
