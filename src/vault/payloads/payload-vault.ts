import { Injectable } from '@nestjs/common';
import { Database } from '../../database/database.ts';
import type { SqlExecutor } from '../../database/statement.ts';
import { Random } from '../../platform/random.ts';
import { wipe } from '../aead.ts';
import type { PayloadKeyId } from '../ids.ts';
import { DecryptionError } from '../sealed-secret.ts';
import { lockPayloadKeys } from './payload-key.repository.ts';
import { ownerKey } from './payload-key-cache.ts';
import { PayloadKeys } from './payload-keys.ts';
import { openPayload, type PayloadPlace, sealPayload } from './sealed-payload.ts';

/** What is to be sealed. `tenant` null: it belongs to none. */
export interface NewPayload extends PayloadPlace {
  tenant: string | null;
  /** When it came: its key is that of the day. */
  at: Date;
  text: string;
}

export interface SealedPayload {
  payload: Buffer;
  payloadKeyId: PayloadKeyId;
}

/**
 * Seals what Meta sends, each payload with one encryption and, while its key is in memory, without a statement. Whoever stores a payload
 * makes sure in the same statement that its key is there (`existingPayloadKeys`).
 */
@Injectable()
export class PayloadVault {
  constructor(
    private readonly database: Database,
    private readonly keys: PayloadKeys,
    private readonly random: Random,
  ) {}

  /** In their order. New keys commit with the given transaction. */
  async sealAll(executor: SqlExecutor, payloads: readonly NewPayload[]): Promise<SealedPayload[]> {
    if (payloads.length === 0) return [];
    const keys = await this.keys.obtain(executor, payloads.map(ownerOf));
    try {
      return payloads.map((payload) => {
        const key = keys.get(ownerKey(ownerOf(payload)));
        if (key === undefined) throw new Error('a payload key that was obtained is missing');
        return { payload: sealPayload(payload.text, payload, key, this.random), payloadKeyId: key.id };
      });
    } finally {
      wipe(...[...keys.values()].map(({ key }) => key));
    }
  }

  /** The text of a payload of this tenant; null: its key was destroyed. Throws `DecryptionError` where one of them was changed or moved. */
  async open(
    { payload, payloadKeyId }: SealedPayload,
    place: PayloadPlace,
    tenant: string | null,
  ): Promise<string | null> {
    const key = await this.keys.find(this.database, payloadKeyId);
    if (key === null) return null;
    try {
      if (key.tenant !== (tenant ?? '')) throw new DecryptionError(place.rowId);
      return openPayload(payload, place, key);
    } finally {
      wipe(key.key);
    }
  }

  /** Destroys up to `limit` keys of a tenant, and with them what they seal; their ids. */
  shredTenant(tx: SqlExecutor, tenant: string, limit: number): Promise<PayloadKeyId[]> {
    return this.keys.destroyOfTenant(tx, tenant, limit);
  }

  /** Destroys those of these keys that `findUsed`, asked once they are locked, does not name; how many. */
  async destroyUnused(
    tx: SqlExecutor,
    ids: readonly PayloadKeyId[],
    findUsed: (ids: readonly PayloadKeyId[]) => Promise<ReadonlySet<PayloadKeyId>>,
  ): Promise<number> {
    const locked = await lockPayloadKeys(tx, ids);
    if (locked.length === 0) return 0;
    const used = await findUsed(locked.map(({ id }) => id));
    const unused = locked.filter(({ id }) => !used.has(id));
    await this.keys.destroy(tx, unused);
    return unused.length;
  }

  /** Wipes these keys from memory, because the database does not have them any more. */
  forget(ids: readonly PayloadKeyId[]): void {
    this.keys.forget(ids);
  }

  /** Wipes keys that have been in memory for too long. */
  forgetOld(): void {
    this.keys.forgetOld();
  }
}

/** The day of an instant (UTC), `2026-11-28`. */
export function dayOf(instant: Date): string {
  return instant.toISOString().slice(0, 10);
}

function ownerOf({ tenant, at }: NewPayload): { tenant: string; day: string } {
  return { tenant: tenant ?? '', day: dayOf(at) };
}
