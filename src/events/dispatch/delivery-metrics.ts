import { Injectable } from '@nestjs/common';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { EventBacklogQuery } from '../deliveries/event-backlog.query.ts';
import type { Attempt } from '../subscribers/attempt.ts';
import type { AttemptVerdict } from './classify-attempt.ts';

/** Metrics of the deliveries. Subscriptions are not labels: each id would be a series of its own. */
@Injectable()
export class DeliveryMetrics {
  private readonly attempts: Counter<'outcome' | 'error'>;
  private readonly duration: Histogram;
  private readonly lag: Histogram;

  constructor(registry: Registry, backlog: EventBacklogQuery) {
    const registers = [registry];
    this.attempts = new Counter({
      name: 'metavault_event_attempts_total',
      help: 'Requests to subscribers by outcome (delivered, retry, dead, gone) and error (none where it was delivered).',
      labelNames: ['outcome', 'error'],
      registers,
    });
    this.duration = new Histogram({
      name: 'metavault_event_attempt_duration_seconds',
      help: 'Time of one request to a subscriber.',
      buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 10],
      registers,
    });
    this.lag = new Histogram({
      name: 'metavault_event_delivery_lag_seconds',
      help: 'From the event to its delivery.',
      buckets: [0.1, 0.5, 1, 2, 5, 15, 60, 300, 3600, 86_400],
      registers,
    });
    new Gauge({
      name: 'metavault_event_deliveries',
      help: 'Deliveries that wait (refused: after a failure, with what is behind them on their connection) or are dead letters, and events not dispatched yet, up to 100000 each; -1 while the database cannot be read.',
      labelNames: ['status'],
      registers,
      async collect(): Promise<void> {
        const counts = await backlog.count().catch(() => ({ undispatched: -1, pending: -1, dead: -1, refused: -1 }));
        for (const [status, count] of Object.entries(counts)) this.set({ status }, count);
      },
    });
    new Gauge({
      name: 'metavault_subscriptions_failing',
      help: 'Subscriptions that took nothing for a day although there was something; -1 while the database cannot be read.',
      registers,
      async collect(): Promise<void> {
        this.set(
          await backlog.listFailingSubscriptions().then(
            ({ length }) => length,
            () => -1,
          ),
        );
      },
    });
    new Gauge({
      name: 'metavault_event_connections_held',
      help: 'Connections whose next event a subscriber has refused for an hour although it takes those of others; -1 while the database cannot be read.',
      registers,
      async collect(): Promise<void> {
        this.set(
          await backlog.listHeldConnections().then(
            (held) => held.reduce((sum, { connections }) => sum + connections, 0),
            () => -1,
          ),
        );
      },
    });
  }

  recordAttempt(attempt: Attempt, verdict: AttemptVerdict, seconds: number, lagSeconds: number): void {
    this.attempts.inc({ outcome: verdict.kind, error: attempt.error ?? 'none' });
    this.duration.observe(seconds);
    if (verdict.kind === 'delivered') this.lag.observe(lagSeconds);
  }
}
