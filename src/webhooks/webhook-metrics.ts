import { Injectable } from '@nestjs/common';
import { Counter, Registry } from 'prom-client';
import { objectLabel } from './entry-subject.ts';

export type Callback = 'webhook' | 'deauthorize' | 'data_deletion';

/** Metrics of what Meta sends. Labels are only our own constants. */
@Injectable()
export class WebhookMetrics {
  private readonly entries: Counter<'object' | 'outcome'>;
  private readonly callbacks: Counter<'callback' | 'outcome'>;

  constructor(registry: Registry) {
    this.entries = new Counter({
      name: 'metavault_webhook_entries_total',
      help: 'Webhook entries: stored for a connection (matched), stored without one (unmatched), or dropped (repeated).',
      labelNames: ['object', 'outcome'],
      registers: [registry],
    });
    this.callbacks = new Counter({
      name: 'metavault_meta_callbacks_total',
      help: 'Calls from Meta: accepted, or refused (signature, malformed).',
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
