import { Injectable } from '@nestjs/common';
import { Database, type Transaction } from '../../database/database.ts';
import { PayloadVault } from '../../vault/payloads/payload-vault.ts';
import { toPayload } from './event-contents.ts';
import { type ClearEvent, eraseRelayedEvents, lockClearEvents, storeSealedEvents } from './event-payload.repository.ts';
import { PayloadRetention } from './payload-retention.ts';

/** How earlier releases marked erased data. */
const ERASED_MARK = /^\s*\{\s*"erased"\s*:\s*true\s*\}\s*$/;

/** Seals Meta's events that an earlier release stored in the clear. Safe to interrupt: the rows show what is left. */
@Injectable()
export class ClearEventSealer {
  constructor(
    private readonly database: Database,
    private readonly payloads: PayloadVault,
    private readonly retention: PayloadRetention,
  ) {}

  /** Seals up to `limit` events and returns how many it found. Data past its retention is deleted instead. */
  sealNext(limit: number): Promise<number> {
    return this.database.longRunning.transaction(async (tx) => {
      const events = await lockClearEvents(tx, limit);
      const cutoff = this.retention.cutoff();
      const isGone = ({ data, created_at: at }: ClearEvent): boolean => ERASED_MARK.test(data) || at < cutoff;
      await eraseRelayedEvents(
        tx,
        events.filter(isGone).map(({ id }) => id),
      );
      await this.seal(
        tx,
        events.filter((event) => !isGone(event)),
      );
      return events.length;
    });
  }

  private async seal(tx: Transaction, events: readonly ClearEvent[]): Promise<void> {
    const sealed = await this.payloads.sealAll(
      tx,
      events.map(({ id, tenant, data, created_at: at }) => toPayload({ id, tenant, data }, at)),
    );
    const stored = await storeSealedEvents(
      tx,
      events.flatMap(({ id }, index) => ({ id, ...(sealed[index] as (typeof sealed)[number]) })),
    );
    // Some keys were destroyed in the meantime. Their events stay as they are until the next run.
    if (stored < events.length) this.payloads.forget(sealed.map(({ payloadKeyId }) => payloadKeyId));
  }
}
