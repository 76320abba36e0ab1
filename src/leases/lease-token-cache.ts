import { timingSafeEqual } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { wipe } from '../vault/aead.ts';
import type { SecretId } from '../vault/ids.ts';
import type { LeaseId } from './ids.ts';
import { leaseIdOf } from './lease-token.ts';

/** What does not change while a lease stands on the same version of its credential's token. */
export interface CachedLease<G> {
  leaseId: LeaseId;
  /** The sealed secret that the token was opened from: each version of a credential has its own. */
  secretId: SecretId;
  /** Our token, which was verified for this lease. */
  leaseToken: Buffer;
  /** Meta's token, in UTF-8. */
  accessToken: Buffer;
  grant: G;
}

const MAX_ENTRIES = 4_096;
const MAX_IDLE_MS = 30_000;
const PURGE_INTERVAL_MS = 30_000;

/**
 * Decrypted tokens, so that a call need not decrypt its token again while the database says that it is unchanged. The database is asked on
 * every call: the cache alone never makes a lease valid. Evicted entries are zeroed: when the lease has ended, the credential has a new token,
 * after half a minute to a minute without a call, when the cache is full, and at shutdown.
 */
export class LeaseTokenCache<G> {
  readonly #leases = new LRUCache<string, CachedLease<G>>({
    max: MAX_ENTRIES,
    ttl: MAX_IDLE_MS,
    // Reads the time on every call, instead of keeping it by a timer of its own.
    ttlResolution: 0,
    perf: { now: () => performance.now() },
    updateAgeOnGet: true,
    dispose: ({ leaseToken, accessToken }) => wipe(leaseToken, accessToken),
  });
  #timer: NodeJS.Timeout | null = null;

  /** The lease that this token of ours was verified for; null where it has to be read and verified. */
  find(leaseToken: string): CachedLease<G> | null {
    const leaseId = leaseIdOf(leaseToken);
    const cached = this.#leases.peek(leaseId);
    if (cached === undefined) return null;
    const presented = Buffer.from(leaseToken, 'latin1');
    if (presented.length !== cached.leaseToken.length || !timingSafeEqual(presented, cached.leaseToken)) return null;
    return this.#leases.get(leaseId) ?? null;
  }

  /** Takes over the buffers of `cached`. */
  keep(cached: CachedLease<G>): void {
    this.#leases.set(cached.leaseId, cached);
    this.#timer ??= setInterval(() => this.#purgeIdle(), PURGE_INTERVAL_MS).unref();
  }

  /** Zeroes what is known of a lease. */
  forget(leaseId: LeaseId): void {
    this.#leases.delete(leaseId);
  }

  close(): void {
    this.#leases.clear();
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  #purgeIdle(): void {
    this.#leases.purgeStale();
    if (this.#leases.size === 0) this.close();
  }
}
