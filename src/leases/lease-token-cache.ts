import { timingSafeEqual } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { cacheSize } from '../platform/cache-size.ts';
import { wipe } from '../vault/aead.ts';
import type { SecretId } from '../vault/ids.ts';
import type { LeaseId } from './ids.ts';
import { leaseIdOf } from './lease-token.ts';

/** What stays the same while a lease uses the same version of its credential's token. */
export interface CachedLease<G> {
  leaseId: LeaseId;
  /** The sealed secret that the token came from: every version has its own. */
  secretId: SecretId;
  /** Our lease token, verified for this lease. */
  leaseToken: Buffer;
  /** Meta's token, UTF-8. */
  accessToken: Buffer;
  grant: G;
}

const MAX_ENTRIES = 4_096;
const MAX_IDLE_MS = 30_000;
const PURGE_INTERVAL_MS = 30_000;

/**
 * Caches decrypted tokens, so that a call need not decrypt what the database says is unchanged. Every call still asks
 * the database: the cache never makes a lease valid. Zeroes entries on eviction: when the lease ends, when its token
 * changes, after 30 to 60 seconds without a call, when full, and at shutdown.
 */
export class LeaseTokenCache<G> {
  readonly #leases = new LRUCache<string, CachedLease<G>>({
    ...cacheSize(MAX_ENTRIES),
    ttl: MAX_IDLE_MS,
    // Read the time on every call instead of running a timer.
    ttlResolution: 0,
    perf: { now: () => performance.now() },
    updateAgeOnGet: true,
    dispose: ({ leaseToken, accessToken }) => wipe(leaseToken, accessToken),
  });
  #timer: NodeJS.Timeout | null = null;

  /** Returns the lease that this lease token was verified for; null if it must be read and verified. */
  find(leaseToken: string): CachedLease<G> | null {
    const leaseId = leaseIdOf(leaseToken);
    const cached = this.#leases.peek(leaseId);
    if (cached === undefined) return null;
    const presented = Buffer.from(leaseToken, 'latin1');
    if (presented.length !== cached.leaseToken.length || !timingSafeEqual(presented, cached.leaseToken)) return null;
    return this.#leases.get(leaseId) ?? null;
  }

  /** Takes ownership of the buffers in `cached`. */
  keep(cached: CachedLease<G>): void {
    this.#leases.set(cached.leaseId, cached);
    this.#timer ??= setInterval(() => this.#purgeIdle(), PURGE_INTERVAL_MS).unref();
  }

  /** Zeroes the entry of a lease. */
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
