import { timingSafeEqual } from 'node:crypto';
import { wipe } from '../vault/aead.ts';
import { leaseIdOf } from './lease-token.ts';

/** What does not change while a lease stands on the same version of its credential's token. */
export interface CachedLease<G> {
  leaseId: string;
  /** The sealed secret that the token was opened from: each version of a credential has its own. */
  secretId: string;
  /** Our token, as it was proven to be the lease's. */
  leaseToken: Buffer;
  /** Meta's token, in UTF-8. */
  accessToken: Buffer;
  grant: G;
}

const MAX_ENTRIES = 4_096;
/** What was of no use between two looks goes. */
const EVICTION_INTERVAL_MS = 30_000;

/**
 * Opened tokens, so that a call need not open its token again while the database says that it is still the same. It says so on every
 * call: nothing in here makes a lease good. What goes is zeroed: when its lease is found ended, when its credential has a new token,
 * after half a minute to a minute without a call, for lack of room, and at the end.
 */
export class LeaseTokenCache<G> {
  readonly #leases = new Map<string, CachedLease<G> & { isUsed: boolean }>();
  #timer: NodeJS.Timeout | null = null;

  /** The lease that this token of ours was proven for; null where it has to be read and proven. */
  find(leaseToken: string): CachedLease<G> | null {
    const cached = this.#leases.get(leaseIdOf(leaseToken));
    if (cached === undefined) return null;
    const presented = Buffer.from(leaseToken, 'latin1');
    if (presented.length !== cached.leaseToken.length || !timingSafeEqual(presented, cached.leaseToken)) return null;
    cached.isUsed = true;
    return cached;
  }

  /** Takes over the buffers of `opened`. */
  keep(cached: CachedLease<G>): void {
    this.forget(cached.leaseId);
    this.#leases.set(cached.leaseId, Object.assign(cached, { isUsed: true }));
    if (this.#leases.size > MAX_ENTRIES) {
      const [oldest = ''] = this.#leases.keys();
      this.forget(oldest);
    }
    this.#timer ??= setInterval(() => this.#evictUnused(), EVICTION_INTERVAL_MS).unref();
  }

  /** Zeroes what is known of a lease. */
  forget(leaseId: string): void {
    const cached = this.#leases.get(leaseId);
    if (cached === undefined) return;
    wipe(cached.leaseToken, cached.accessToken);
    this.#leases.delete(leaseId);
  }

  close(): void {
    for (const leaseId of [...this.#leases.keys()]) this.forget(leaseId);
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  #evictUnused(): void {
    for (const [leaseId, cached] of this.#leases) {
      if (!cached.isUsed) this.forget(leaseId);
      cached.isUsed = false;
    }
    if (this.#leases.size === 0) this.close();
  }
}
