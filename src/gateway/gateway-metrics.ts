import { Inject, Injectable } from '@nestjs/common';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { CallLimits } from './call-limits.ts';
import type { GatewayRefusalCode } from './gateway-refusal.ts';

/** What passes the gateway, by product, pattern and outcome; never by tenant, id or token. */
@Injectable()
export class GatewayMetrics {
  readonly #calls: Counter<'product' | 'route' | 'status'>;
  readonly #refusals: Counter<'code'>;
  readonly #seconds: Histogram<'product'>;

  constructor(@Inject(Registry) private readonly registry: Registry) {
    const registers = [registry];
    this.#calls = new Counter({
      name: 'metavault_gateway_calls_total',
      help: 'Graph calls that were passed on, by product, route pattern and class of status.',
      labelNames: ['product', 'route', 'status'] as const,
      registers,
    });
    this.#refusals = new Counter({
      name: 'metavault_gateway_refusals_total',
      help: 'Calls that the gateway refused, by its code.',
      labelNames: ['code'] as const,
      registers,
    });
    this.#seconds = new Histogram({
      name: 'metavault_gateway_call_duration_seconds',
      help: 'From the first byte of a Graph call to the last of its answer.',
      labelNames: ['product'] as const,
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120],
      registers,
    });
  }

  passed(product: string, route: string, status: number, seconds: number): void {
    this.#calls.inc({ product, route, status: `${Math.floor(status / 100)}xx` });
    this.#seconds.observe({ product }, seconds);
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
