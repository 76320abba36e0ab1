import type { Runtime } from './runtime.ts';

/** A lease is not used in its last seconds, so that a call with it can finish. */
const MAX_MARGIN_MS = 10_000;

interface Cacheable {
  id: string;
}

/** A response to a request for a lease. */
export interface Issued<L> {
  lease: L;
  lifetimeMs: number;
}

interface Entry<L> {
  lease: L;
  renewAt: number;
  endsAt: number;
}

/**
 * Caches the most recently used leases. Each is requested once, however many callers wait, and renewed in the
 * background at 70 to 85 % of its lifetime.
 */
export class LeaseCache<L extends Cacheable> {
  readonly #entries = new Map<string, Entry<L>>();
  readonly #flights = new Map<string, Promise<L>>();
  readonly #size: number;
  readonly #runtime: Pick<Runtime, 'now' | 'random'>;

  constructor(size: number, runtime: Pick<Runtime, 'now' | 'random'>) {
    this.#size = size;
    this.#runtime = runtime;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Returns the cached lease, or the one from `issue`. Rejects as `issue` does if there is none to fall back on. */
  get(key: string, issue: () => Promise<Issued<L>>): Promise<L> {
    const now = this.#runtime.now();
    const entry = this.#entries.get(key);
    if (entry === undefined || now >= entry.endsAt) return this.#issueOnce(key, issue);
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    if (now >= entry.renewAt) this.#issueOnce(key, issue).catch(() => this.#postpone(key));
    return Promise.resolve(entry.lease);
  }

  /** Forgets a lease that was refused; a newer one that replaced it stays. */
  drop(lease: L): void {
    for (const [key, entry] of this.#entries) if (entry.lease.id === lease.id) this.#entries.delete(key);
  }

  #issueOnce(key: string, issue: () => Promise<Issued<L>>): Promise<L> {
    const underWay = this.#flights.get(key);
    if (underWay !== undefined) return underWay;
    // The lifetime is counted from before the request, to be on the safe side.
    const askedAt = this.#runtime.now();
    const flight = issue()
      .then((issued) => this.#keep(key, issued, askedAt))
      .finally(() => this.#flights.delete(key));
    this.#flights.set(key, flight);
    return flight;
  }

  #keep(key: string, { lease, lifetimeMs }: Issued<L>, askedAt: number): L {
    const renewAt = askedAt + lifetimeMs * (0.7 + 0.15 * this.#runtime.random());
    const endsAt = askedAt + lifetimeMs - Math.min(MAX_MARGIN_MS, lifetimeMs / 10);
    this.#entries.delete(key);
    this.#entries.set(key, { lease, renewAt, endsAt });
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > this.#size && oldest !== undefined) this.#entries.delete(oldest);
    return lease;
  }

  /** A failed renewal is retried after part of the old lease's remaining lifetime. */
  #postpone(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    const now = this.#runtime.now();
    entry.renewAt = now + Math.max(0, entry.endsAt - now) * (0.1 + 0.2 * this.#runtime.random());
  }
}
