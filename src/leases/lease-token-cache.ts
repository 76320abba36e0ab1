import { timingSafeEqual } from 'node:crypto';
import { wipe } from '../vault/aead.ts';
import { leaseIdIn } from './lease-token.ts';

/** What does not change while a lease stands on the same version of its credential's token. */
export interface OpenedLease<G> {
  leaseId: string;
  /** The sealed secret that the token was opened from: each version of a credential has its own. */
  secretId: string;
  /** Our token, as it was proven to be the lease's. */
  leaseToken: Buffer;
  /** Meta's token, in UTF-8. */
  accessToken: Buffer;
  grant: G;
}

const MOST = 4_096;
/** What was of no use between two looks goes. */
const LOOK_EVERY_MS = 30_000;

/**
 * Opened tokens, so that a call need not open its token again while the database says that it is still the same. It says so on every
 * call: nothing in here makes a lease good. What goes is zeroed: when its lease is found ended, when its credential has a new token,
 * after half a minute to a minute without a call, for lack of room, and at the end.
 */
export class OpenedLeases<G> {
  readonly #leases = new Map<string, OpenedLease<G> & { isUsed: boolean }>();
  #timer: NodeJS.Timeout | null = null;

  /** The lease that this token of ours was proven for; null where it has to be read and proven. */
  find(leaseToken: string): OpenedLease<G> | null {
    const opened = this.#leases.get(leaseIdIn(leaseToken));
    if (opened === undefined) return null;
    const presented = Buffer.from(leaseToken, 'latin1');
    if (presented.length !== opened.leaseToken.length || !timingSafeEqual(presented, opened.leaseToken)) return null;
    opened.isUsed = true;
    return opened;
  }

  /** Takes over the buffers of `opened`. */
  keep(opened: OpenedLease<G>): void {
    this.forget(opened.leaseId);
    this.#leases.set(opened.leaseId, Object.assign(opened, { isUsed: true }));
    if (this.#leases.size > MOST) {
      const [oldest = ''] = this.#leases.keys();
      this.forget(oldest);
    }
    this.#timer ??= setInterval(() => this.#look(), LOOK_EVERY_MS).unref();
  }

  /** Zeroes what is known of a lease. */
  forget(leaseId: string): void {
    const opened = this.#leases.get(leaseId);
    if (opened === undefined) return;
    wipe(opened.leaseToken, opened.accessToken);
    this.#leases.delete(leaseId);
  }

  close(): void {
    for (const leaseId of [...this.#leases.keys()]) this.forget(leaseId);
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  #look(): void {
    for (const [leaseId, opened] of this.#leases) {
      if (!opened.isUsed) this.forget(leaseId);
      opened.isUsed = false;
    }
    if (this.#leases.size === 0) this.close();
  }
}
