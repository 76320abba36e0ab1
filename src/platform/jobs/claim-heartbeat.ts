import type { Pino } from '../logger.ts';

interface ClaimHeartbeatOptions<C> {
  /** How long a claim lasts without a heartbeat; it gets three in that time. */
  claimSeconds: number;
  extend(claims: readonly C[]): Promise<void>;
  logger: Pino;
}

/** Extends claims for as long as this replica works on them. A replica that dies stops extending, so others take over. */
export class ClaimHeartbeat<C extends object> {
  readonly #held = new Set<C>();
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: ClaimHeartbeatOptions<C>) {}

  /** Extends `claims` until `work` has ended, successfully or not. */
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
      // No other reaction is needed: the claim id makes writes under an expired claim fail.
      this.options.logger.warn({ err: error, claims: this.#held.size }, 'claims could not be extended');
    }
  }
}
