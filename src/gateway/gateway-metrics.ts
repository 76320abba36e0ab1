import { Inject, Injectable } from '@nestjs/common';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { BatchedCounters, BatchedObservations } from '../platform/batched-counters.ts';
import type { ConcurrencyLimiter } from './concurrency-limiter.ts';
import type { GatewayErrorCode } from './gateway-error.ts';

/** Metrics of Graph calls by product, route pattern and outcome; never by tenant, id or token. */
@Injectable()
export class GatewayMetrics {
  readonly #calls = new BatchedCounters<'product' | 'route' | 'status'>();
  readonly #errors: Counter<'code'>;
  readonly #seconds = new BatchedObservations('product');
  readonly #durations: Histogram<'product'>;

  constructor(@Inject(Registry) private readonly registry: Registry) {
    const registers = [registry];
    const calls = this.#calls;
    const seconds = this.#seconds;
    new Counter({
      name: 'metavault_gateway_calls_total',
      help: 'Graph calls forwarded to Meta, by product, route pattern and class of status.',
      labelNames: ['product', 'route', 'status'] as const,
      registers,
      collect(): void {
        calls.flushInto(this);
      },
    });
    this.#errors = new Counter({
      name: 'metavault_gateway_refusals_total',
      help: 'Graph calls refused by the gateway, by code.',
      labelNames: ['code'] as const,
      registers,
    });
    this.#durations = new Histogram({
      name: 'metavault_gateway_call_duration_seconds',
      help: 'Time from the first byte of a Graph call to the last byte of its response.',
      labelNames: ['product'] as const,
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120],
      registers,
      collect(): void {
        seconds.flushInto(this);
      },
    });
  }

  observeCall(product: string, route: string, status: number, seconds: number): void {
    const statusClass = `${Math.floor(status / 100)}xx`;
    this.#calls.add(`${product} ${statusClass} ${route}`, { product, route, status: statusClass });
    this.#seconds.add(product, seconds, this.#durations);
  }

  countError(code: GatewayErrorCode): void {
    this.#errors.inc({ code });
  }

  monitor(limiter: ConcurrencyLimiter): void {
    new Gauge({
      name: 'metavault_gateway_calls',
      help: 'Graph calls running and waiting.',
      labelNames: ['state'] as const,
      registers: [this.registry],
      collect(): void {
        const { running, waiting } = limiter.count();
        this.set({ state: 'running' }, running);
        this.set({ state: 'waiting' }, waiting);
      },
    });
  }
}
