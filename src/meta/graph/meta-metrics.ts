import { Inject, Injectable } from '@nestjs/common';
import { Counter, Histogram, Registry } from 'prom-client';

/** Codes with their own label value. All others become `other`, so Meta cannot inflate the number of series. */
const NAMED_CODES = new Set([
  0, 1, 2, 3, 4, 10, 12, 17, 32, 100, 101, 102, 104, 190, 191, 200, 341, 368, 452, 613, 803, 2500, 2635, 3962, 80000,
  80001, 80002, 80003, 80004, 80005, 80006, 80007, 80008, 80009, 80014, 130429, 131031, 131048, 131056, 133016,
]);

/** Prometheus metrics of calls to Meta. Label values are our constants or known codes only. */
@Injectable()
export class MetaMetrics {
  private readonly requests: Counter<'operation' | 'outcome'>;
  private readonly duration: Histogram<'operation'>;
  private readonly errors: Counter<'operation' | 'code'>;
  private readonly drift: Counter<'host' | 'direction'>;

  constructor(@Inject(Registry) registry: Registry) {
    const registers = [registry];
    this.requests = new Counter({
      name: 'metavault_meta_requests_total',
      help: 'Calls to Meta by outcome (ok or the verdict). Counts each try.',
      labelNames: ['operation', 'outcome'],
      registers,
    });
    this.duration = new Histogram({
      name: 'metavault_meta_request_duration_seconds',
      help: 'Duration of one try until the response is complete.',
      labelNames: ['operation'],
      buckets: [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10],
      registers,
    });
    this.errors = new Counter({
      name: 'metavault_meta_errors_total',
      help: "Failed tries by Meta's error code; network: no response, none: response without a code, other: rare code.",
      labelNames: ['operation', 'code'],
      registers,
    });
    this.drift = new Counter({
      name: 'metavault_meta_version_drift_total',
      help: 'Responses served by an API version other than the requested one.',
      labelNames: ['host', 'direction'],
      registers,
    });
  }

  recordSuccess(operation: string, seconds: number): void {
    this.requests.inc({ operation, outcome: 'ok' });
    this.duration.observe({ operation }, seconds);
  }

  /** `code` null: the response had none; `network`: no response. */
  recordFailure(operation: string, outcome: string, code: number | null | 'network', seconds: number): void {
    this.requests.inc({ operation, outcome });
    this.errors.inc({ operation, code: codeLabel(code) });
    this.duration.observe({ operation }, seconds);
  }

  recordVersionDrift(host: string, direction: string): void {
    this.drift.inc({ host, direction });
  }
}

function codeLabel(code: number | null | 'network'): string {
  if (code === 'network') return 'network';
  if (code === null) return 'none';
  return NAMED_CODES.has(code) ? String(code) : 'other';
}
