import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Database } from '../database/database.ts';
import { RetentionService } from '../database/retention.service.ts';
import { addSeconds, Clock } from '../platform/clock.ts';
import { REDELIVERY_WINDOW_SECONDS } from './webhook-ingest.service.ts';

/**
 * What was received goes after RETENTION_DAYS, but stays known for the eight days in which Meta may repeat it. The events that were
 * made of it are the events room's to remove. Requests of persons stay: without the person, they only say that a payload came.
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

  /** Removes up to `limit`; how many that were. */
  async purge(receivedBefore: Date, limit: number): Promise<number> {
    const repeatable = addSeconds(this.clock.now(), -REDELIVERY_WINDOW_SECONDS);
    return this.database.run({
      text: `DELETE FROM webhook_entry WHERE hash IN (
        SELECT hash FROM webhook_entry WHERE received_at < $1 ORDER BY received_at LIMIT $2 FOR UPDATE SKIP LOCKED)`,
      values: [receivedBefore < repeatable ? receivedBefore : repeatable, limit],
    });
  }
}
