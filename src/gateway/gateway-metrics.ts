import { Inject, Injectable } from '@nestjs/common';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { Observations, Tallies } from '../platform/batched-counters.ts';
import type { CallLimits } from './concurrency-limiter.ts';
import type { GatewayRefusalCode } from './gateway-error.ts';

/** What passes the gateway, by product, pattern and outcome; never by tenant, id or token. */
@Injectable()
export class GatewayMetrics {
  readonly #calls = new Tallies<'product' | 'route' | 'status'>();
  readonly #refusals: Counter<'code'>;
  readonly #seconds = new Observations('product');
  readonly #durations: Histogram<'product'>;

  constructor(@Inject(Registry) private readonly registry: Registry) {
    const registers = [registry];
    const calls = this.#calls;
    const seconds = this.#seconds;
    new Counter({
      name: 'metavault_gateway_calls_total',
      help: 'Graph calls that were passed on, by product, route pattern and class of status.',
      labelNames: ['product', 'route', 'status'] as const,
      registers,
      collect(): void {
        calls.pour(this);
      },
    });
    this.#refusals = new Counter({
      name: 'metavault_gateway_refusals_total',
      help: 'Calls that the gateway refused, by its code.',
      labelNames: ['code'] as const,
      registers,
    });
    this.#durations = new Histogram({
      name: 'metavault_gateway_call_duration_seconds',
      help: 'From the first byte of a Graph call to the last of its answer.',
      labelNames: ['product'] as const,
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120],
      registers,
      collect(): void {
        seconds.pour(this);
      },
    });
  }

  passed(product: string, route: string, status: number, seconds: number): void {
    const statusClass = `${Math.floor(status / 100)}xx`;
    this.#calls.add(`${product} ${statusClass} ${route}`, { product, route, status: statusClass });
    this.#seconds.add(product, seconds, this.#durations);
  }

  refused(code: GatewayRefusalCode): void {
    this.#refusals.inc({ code });
  }

  watch(limits: CallLimits): void {
    new Gauge({
      name: 'metavault_gateway_calls',
      help: 'Graph calls under way and waiting for their turn.',
      labelNames: ['state'] as const,
      registers: [this.registry],
      collect(): void {
        const { running, waiting } = limits.count();
        this.set({ state: 'running' }, running);
        this.set({ state: 'waiting' }, waiting);
      },
    });
  }
}
