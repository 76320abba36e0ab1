import { Injectable } from '@nestjs/common';
import { Config } from '../../config/config.ts';
import { Database, type Transaction } from '../../database/database.ts';
import { RetentionService } from '../../database/retention.service.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { DAY_SECONDS } from '../../platform/duration.ts';
import { dayOf, PayloadVault } from '../../vault/payloads/payload-vault.ts';
import type { DeliveryId, EventId } from '../ids.ts';
import {
  dropDeliveredPayloads,
  dropNextDeliveredPayloads,
  dropOldPayloads,
  findUsedPayloadKeys,
  listUnusedPayloadKeys,
  lockPayloadsOfDeliveries,
} from './event-payload.repository.ts';

/**
 * Deletes Meta's payloads after WEBHOOK_RETENTION_DAYS or, with WEBHOOK_KEEP=until_delivered, once every subscription
 * has the event. Deletes keys once their day is over and no payload needs them.
 */
@Injectable()
export class PayloadRetention {
  readonly #isKeptUntilDelivered: boolean;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly payloads: PayloadVault,
    private readonly config: Config,
    retention: RetentionService,
  ) {
    this.#isKeptUntilDelivered = config.webhookKeep === 'until_delivered';
    retention.register('payloads of webhooks', (_, limit) => this.dropOld(limit));
    retention.register('payload keys', (_, limit) => this.destroyUnusedKeys(limit));
  }

  /** Payloads from before this instant are past their retention. */
  cutoff(): Date {
    return addSeconds(this.clock.now(), -this.config.webhookRetentionDays * DAY_SECONDS);
  }

  /** For deliveries just recorded as delivered in this transaction. Must be the last step that takes locks in it. */
  async dropDelivered(tx: Transaction, deliveryIds: readonly DeliveryId[]): Promise<void> {
    if (this.#isKeptUntilDelivered) await dropDeliveredPayloads(tx, await lockPayloadsOfDeliveries(tx, deliveryIds));
  }

  /** For events just fanned out: drops payloads no subscription gets. */
  async dropUnwanted(tx: Transaction, eventIds: readonly EventId[]): Promise<void> {
    if (this.#isKeptUntilDelivered) await dropDeliveredPayloads(tx, eventIds);
  }

  /**
   * Up to `limit` payloads that became unneeded otherwise: a subscription was deleted or the setting changed. Returns
   * how many.
   */
  async dropNextDelivered(limit: number): Promise<number> {
    return this.#isKeptUntilDelivered ? dropNextDeliveredPayloads(this.database, limit) : 0;
  }

  /** Pending deliveries of these events go out as erased. */
  private dropOld(limit: number): Promise<number> {
    const before = this.cutoff();
    return dropOldPayloads(this.database, { day: dayOf(before), before }, limit);
  }

  /** Keeps a day's margin. Only events of earlier releases are still sealed under such old keys. */
  private async destroyUnusedKeys(limit: number): Promise<number> {
    const day = dayOf(addSeconds(this.clock.now(), -2 * DAY_SECONDS));
    return this.database.longRunning.transaction(async (tx) => {
      const unused = await listUnusedPayloadKeys(tx, day, limit);
      return this.payloads.destroyUnused(tx, unused, (ids) => findUsedPayloadKeys(tx, ids));
    });
  }
}
