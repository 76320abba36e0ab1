import { LRUCache } from 'lru-cache';
import { cacheSize } from '../../platform/cache-size.ts';
import { wipe } from '../aead.ts';
import type { PayloadKeyId } from '../ids.ts';
import type { PayloadKeyOwner } from './payload-key.repository.ts';
import type { PayloadKey } from './sealed-payload.ts';

const MAX_KEYS = 4_096;
/** Maximum time in memory, also for a key that another replica has destroyed. */
const MAX_AGE_MS = 10 * 60_000;

/**
 * Caches opened, committed payload keys and wipes them on eviction. Returns copies, which eviction doesn't affect and
 * which the caller must wipe.
 */
export class PayloadKeyCache {
  readonly #keys: LRUCache<PayloadKeyId, PayloadKey>;
  readonly #idByOwner = new Map<string, PayloadKeyId>();

  constructor({ maxKeys = MAX_KEYS, maxAgeMs = MAX_AGE_MS }: { maxKeys?: number; maxAgeMs?: number } = {}) {
    this.#keys = new LRUCache({
      ...cacheSize(maxKeys),
      ttl: maxAgeMs,
      dispose: (key) => {
        wipe(key.key);
        if (this.#idByOwner.get(ownerKey(key)) === key.id) this.#idByOwner.delete(ownerKey(key));
      },
    });
  }

  find(id: PayloadKeyId): PayloadKey | null {
    const key = this.#keys.get(id);
    return key === undefined ? null : copyOf(key);
  }

  findOf(owner: PayloadKeyOwner): PayloadKey | null {
    const id = this.#idByOwner.get(ownerKey(owner));
    return id === undefined ? null : this.find(id);
  }

  /** Stores a copy. */
  add(key: PayloadKey): void {
    this.#keys.set(key.id, copyOf(key));
    this.#idByOwner.set(ownerKey(key), key.id);
  }

  delete(ids: readonly PayloadKeyId[]): void {
    for (const id of ids) this.#keys.delete(id);
  }

  /** Wipes expired keys, including those no longer requested. */
  deleteOld(): void {
    this.#keys.purgeStale();
  }
}

/** Returns a map key for an owner. Unique, because days have a fixed length. */
export function ownerKey({ tenant, day }: PayloadKeyOwner): string {
  return `${day} ${tenant}`;
}

function copyOf(key: PayloadKey): PayloadKey {
  return { ...key, key: Uint8Array.from(key.key) };
}
