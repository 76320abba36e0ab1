/** Queues of one subscription that one replica works on at once, at the most. */
export const MAX_CONCURRENT_QUEUES = 16;

interface Pace {
  allowed: number;
  inUse: number;
}

/**
 * How much each subscriber gets at once: half of it after each request that got no answer, down to one, and one more after each
 * that did. So a subscriber that hangs costs one open request, not sixteen.
 */
export class SubscriberPace {
  readonly #paces = new Map<string, Pace>();

  /** How many more queues may be begun, for each subscription that may not have `MAX_CONCURRENT_QUEUES`. */
  busy(): Map<string, number> {
    return new Map([...this.#paces].map(([id, { allowed, inUse }]) => [id, Math.max(0, allowed - inUse)]));
  }

  begin(subscriptionId: string): void {
    this.of(subscriptionId).inUse++;
  }

  end(subscriptionId: string): void {
    const pace = this.of(subscriptionId);
    pace.inUse--;
    if (pace.inUse <= 0 && pace.allowed === MAX_CONCURRENT_QUEUES) this.#paces.delete(subscriptionId);
  }

  /** What a request ended in. Only while one of its queues is at work. */
  note(subscriptionId: string, answered: boolean): void {
    const pace = this.of(subscriptionId);
    pace.allowed = answered
      ? Math.min(MAX_CONCURRENT_QUEUES, pace.allowed + 1)
      : Math.max(1, Math.floor(pace.allowed / 2));
  }

  private of(subscriptionId: string): Pace {
    const known = this.#paces.get(subscriptionId);
    if (known !== undefined) return known;
    const pace = { allowed: MAX_CONCURRENT_QUEUES, inUse: 0 };
    this.#paces.set(subscriptionId, pace);
    return pace;
  }
}
