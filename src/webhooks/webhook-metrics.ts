import { Injectable } from '@nestjs/common';
import { Counter, Registry } from 'prom-client';
import { objectLabel } from './entry-subject.ts';

export type Callback = 'webhook' | 'deauthorize' | 'data_deletion';

/** Metrics of what Meta sends. Label values are our own constants only. */
@Injectable()
export class WebhookMetrics {
  private readonly entries: Counter<'object' | 'outcome'>;
  private readonly callbacks: Counter<'callback' | 'outcome'>;

  constructor(registry: Registry) {
    this.entries = new Counter({
      name: 'metavault_webhook_entries_total',
      help: 'Entries of webhooks: stored for a connection, stored without one (unmatched), or dropped as repeated.',
      labelNames: ['object', 'outcome'],
      registers: [registry],
    });
    this.callbacks = new Counter({
      name: 'metavault_meta_callbacks_total',
      help: "Calls of Meta's: accepted, or refused for their signature or their form.",
      labelNames: ['callback', 'outcome'],
      registers: [registry],
    });
  }

  entry(object: string, outcome: 'matched' | 'unmatched' | 'repeated'): void {
    this.entries.inc({ object: objectLabel(object), outcome });
  }

  callback(callback: Callback, outcome: 'accepted' | 'signature' | 'malformed'): void {
    this.callbacks.inc({ callback, outcome });
  }
}
