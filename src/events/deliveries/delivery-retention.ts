import { Injectable } from '@nestjs/common';
import { Database } from '../../database/database.ts';
import { RetentionService } from '../../database/retention.service.ts';
import { deleteEvents } from '../outbox/event.repository.ts';
import { deleteDeliveries } from './delivery.repository.ts';

/** Deletes finished deliveries, including dead letters, then events without deliveries. */
@Injectable()
export class DeliveryRetention {
  constructor(database: Database, retention: RetentionService) {
    // Deliveries first: they reference events.
    retention.register('deliveries', (before, limit) => deleteDeliveries(database, before, limit));
    retention.register('events', (before, limit) => deleteEvents(database, before, limit));
  }
}
