import type { Pino } from '../logger.ts';

interface ClaimHeartbeatOptions<C> {
  /** Lifetime of a claim without a heartbeat. Heartbeats come three times as often. */
  claimSeconds: number;
  extend(claims: readonly C[]): Promise<void>;
  logger: Pino;
}

/** Extends claims while this replica works on them. If it dies, they expire and others take over. */
export class ClaimHeartbeat<C extends object> {
  readonly #held = new Set<C>();
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: ClaimHeartbeatOptions<C>) {}

  /** Extends `claims` until `work` settles. */
  async during<T>(claims: readonly C[], work: () => Promise<T>): Promise<T> {
    for (const claim of claims) this.#held.add(claim);
    if (claims.length > 0) this.#timer ??= this.#start();
    try {
      return await work();
    } finally {
      for (const claim of claims) this.#held.delete(claim);
      if (this.#held.size === 0) this.#stop();
    }
  }

  #start(): NodeJS.Timeout {
    return setInterval(() => void this.#extend(), (this.options.claimSeconds * 1000) / 3).unref();
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #extend(): Promise<void> {
    try {
      await this.options.extend([...this.#held]);
    } catch (error) {
      // No further action is needed: the claim id makes writes under an expired claim fail.
      this.options.logger.warn({ err: error, claims: this.#held.size }, 'claims could not be extended');
    }
  }
}
