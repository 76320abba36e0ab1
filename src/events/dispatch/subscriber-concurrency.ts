import type { SubscriptionId } from '../ids.ts';
/** Maximum number of queues of one subscription that a replica works on at once. */
export const MAX_CONCURRENT_QUEUES = 16;

interface Slots {
  allowed: number;
  inUse: number;
}

/**
 * Limits concurrent queues per subscriber: halved after each request without a response (down to one), plus one after
 * each response. A hanging subscriber then costs one open request instead of sixteen.
 */
export class SubscriberConcurrency {
  readonly #slotsBySubscription = new Map<string, Slots>();

  /** How many more queues may start, per subscription below `MAX_CONCURRENT_QUEUES`. */
  remainingSlots(): Map<string, number> {
    return new Map(
      [...this.#slotsBySubscription].map(([id, { allowed, inUse }]) => [id, Math.max(0, allowed - inUse)]),
    );
  }

  start(subscriptionId: SubscriptionId): void {
    this.slotsOf(subscriptionId).inUse++;
  }

  finish(subscriptionId: SubscriptionId): void {
    const slots = this.slotsOf(subscriptionId);
    slots.inUse--;
    if (slots.inUse <= 0 && slots.allowed === MAX_CONCURRENT_QUEUES) this.#slotsBySubscription.delete(subscriptionId);
  }

  /** Records whether a request got a response. Call only while one of the subscription's queues is being worked on. */
  recordResponse(subscriptionId: SubscriptionId, hasResponded: boolean): void {
    const slots = this.slotsOf(subscriptionId);
    slots.allowed = hasResponded
      ? Math.min(MAX_CONCURRENT_QUEUES, slots.allowed + 1)
      : Math.max(1, Math.floor(slots.allowed / 2));
  }

  private slotsOf(subscriptionId: SubscriptionId): Slots {
    const known = this.#slotsBySubscription.get(subscriptionId);
    if (known !== undefined) return known;
    const slots = { allowed: MAX_CONCURRENT_QUEUES, inUse: 0 };
    this.#slotsBySubscription.set(subscriptionId, slots);
    return slots;
  }
}
