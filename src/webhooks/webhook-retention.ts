import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Database } from '../database/database.ts';
import { RetentionService } from '../database/retention.service.ts';
import { addSeconds, Clock } from '../platform/clock.ts';
import { deleteEntriesReceivedBefore } from './webhook-entry.repository.ts';
import { REDELIVERY_WINDOW_SECONDS } from './webhook-ingest.service.ts';

/**
 * Deletes received entries after RETENTION_DAYS, but never within the eight days in which Meta may repeat them.
 * `events` deletes the events created from them. Privacy requests stay: without the user's id, they only show that a
 * payload was received.
 */
@Injectable()
export class WebhookRetention implements OnModuleInit {
  constructor(
    private readonly database: Database,
    private readonly retentionService: RetentionService,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.retentionService.register('received webhooks', (endedBefore, limit) => this.purge(endedBefore, limit));
  }

  /** Deletes up to `limit` entries; returns how many. */
  async purge(receivedBefore: Date, limit: number): Promise<number> {
    const repeatable = addSeconds(this.clock.now(), -REDELIVERY_WINDOW_SECONDS);
    const cutoff = receivedBefore < repeatable ? receivedBefore : repeatable;
    return deleteEntriesReceivedBefore(this.database, cutoff, limit);
  }
}
