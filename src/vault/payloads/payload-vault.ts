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

/** A payload to seal. `tenant` is null if it belongs to none. */
export interface NewPayload extends PayloadPlace {
  tenant: string | null;
  /** When it arrived; the day selects the key. */
  at: Date;
  text: string;
}

export interface SealedPayload {
  payload: Buffer;
  payloadKeyId: PayloadKeyId;
}

/**
 * Seals what Meta sends, with one encryption per payload and no statement if its key is cached. The statement that
 * stores a payload must check that its key still exists (`existingPayloadKeys`).
 */
@Injectable()
export class PayloadVault {
  constructor(
    private readonly database: Database,
    private readonly keys: PayloadKeys,
    private readonly random: Random,
  ) {}

  /** Seals payloads and returns them in order. New keys commit with the given transaction. */
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

  /** Returns the payload's text; null if its key was destroyed. Throws `DecryptionError` if it was altered or moved. */
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

  /** Destroys up to `limit` keys of a tenant, and with them everything they seal. Returns their ids. */
  shredTenant(tx: SqlExecutor, tenant: string, limit: number): Promise<PayloadKeyId[]> {
    return this.keys.destroyOfTenant(tx, tenant, limit);
  }

  /** Locks these keys and destroys those that `findUsed`, called then, doesn't return. Returns how many. */
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

  /** Wipes these keys from memory, because they are gone from the database. */
  forget(ids: readonly PayloadKeyId[]): void {
    this.keys.forget(ids);
  }

  /** Wipes expired keys from memory. */
  forgetOld(): void {
    this.keys.forgetOld();
  }
}

/** Returns the UTC day of an instant, such as `2026-11-28`. */
export function dayOf(instant: Date): string {
  return instant.toISOString().slice(0, 10);
}

function ownerOf({ tenant, at }: NewPayload): { tenant: string; day: string } {
  return { tenant: tenant ?? '', day: dayOf(at) };
}
