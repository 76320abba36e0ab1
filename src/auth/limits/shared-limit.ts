/** Requests of one period: all of them, and those within the limit. */
export interface Usage {
  wanted: number;
  granted: number;
}

export interface LimitPolicy {
  /** Requests per period. */
  limit: number;
  periodMs: number;
  /**
   * What the previous period takes from this one. `excess`: what it had granted beyond the limit. `sliding`: what it
   * had granted, less the part of this period that has passed.
   */
  carry: 'excess' | 'sliding';
}

export interface LimitDecision {
  isGranted: boolean;
  /** Requests left in this period, as far as this replica knows. */
  remaining: number;
  /** Until the next period. */
  resetMs: number;
}

/** What a replica tells the others about a limit. */
export interface UsageReport {
  period: number;
  own: Usage;
  ownBefore: Usage;
}

/** Of the limit, what a replica may grant before it tells the others. */
const SLICE = 0.05;
/** Periods after which nothing is carried any more. */
const MEMORY = 3;

/**
 * One limit that holds over all replicas, as one of them sees it: its own counts, and the others' as last exchanged.
 * Decides at once. What replicas granted beyond the limit before they knew of each other is taken from the next period.
 */
export class SharedLimit {
  #period: number | null = null;
  #own = none();
  #ownBefore = none();
  #others = none();
  #othersBefore = none();
  /** Granted beyond the limit up to the period before the previous one. */
  #excess = 0;
  /** The others' part of what was last granted, from 0 to 1. */
  #othersPart = 0;
  #reportedGrants = 0;
  #learnedPeriod: number | null = null;

  /**
   * Counts a request. `isIsolated`: the others can't be asked, so only the part of the limit that this replica had last
   * is granted.
   */
  take(policy: LimitPolicy, nowMs: number, isIsolated: boolean): LimitDecision {
    this.#turnTo(policy, nowMs);
    this.#own.wanted++;
    return this.retake(policy, nowMs, isIsolated);
  }

  /** Decides again about the last request, which `take` refused, by another policy. */
  retake(policy: LimitPolicy, nowMs: number, isIsolated: boolean): LimitDecision {
    const allowed = isIsolated ? this.#allowedAlone(policy, nowMs) : this.#allowed(policy, nowMs);
    const isGranted = this.#own.granted < allowed;
    if (isGranted) this.#own.granted++;
    const remaining = Math.max(0, allowed - this.#own.granted);
    return { isGranted, remaining, resetMs: policy.periodMs - (nowMs % policy.periodMs) };
  }

  /** Whether the others should soon know what this replica granted, or it what they did. */
  isExchangeUrgent({ limit }: LimitPolicy): boolean {
    const slice = Math.max(1, Math.floor(limit * SLICE));
    return this.#learnedPeriod !== this.#period || this.#own.granted - this.#reportedGrants >= slice;
  }

  /** Returns what to tell the others. */
  report(): UsageReport {
    this.#reportedGrants = this.#own.granted;
    return { period: this.#period ?? 0, own: { ...this.#own }, ownBefore: { ...this.#ownBefore } };
  }

  /** Takes in what the others counted in `period` and the one before. */
  learn(period: number, others: Usage, othersBefore: Usage): void {
    if (this.#period === period + 1) this.#othersBefore = others;
    if (this.#period !== period) return;
    this.#others = others;
    this.#othersBefore = othersBefore;
    this.#learnedPeriod = period;
    const foreign = others.granted + othersBefore.granted;
    const all = foreign + this.#own.granted + this.#ownBefore.granted;
    if (all > 0) this.#othersPart = foreign / all;
  }

  #turnTo(policy: LimitPolicy, nowMs: number): void {
    const period = Math.floor(nowMs / policy.periodMs);
    const passed = this.#period === null ? 0 : period - this.#period;
    for (let turns = 0; turns < Math.min(passed, MEMORY); turns++) {
      this.#excess = this.#excessAt(policy);
      this.#ownBefore = this.#own;
      this.#othersBefore = this.#others;
      this.#own = none();
      this.#others = none();
      this.#reportedGrants = 0;
    }
    if (this.#period === null || passed > 0) this.#period = period;
  }

  /** What was granted beyond the limit until the beginning of this period; at most a period's worth. */
  #excessAt({ limit, carry }: LimitPolicy): number {
    if (carry === 'sliding') return 0;
    const granted = this.#ownBefore.granted + this.#othersBefore.granted;
    return Math.min(limit, Math.max(0, this.#excess + granted - limit));
  }

  #budget(policy: LimitPolicy, nowMs: number): number {
    if (policy.carry === 'excess') return policy.limit - this.#excessAt(policy);
    const granted = this.#ownBefore.granted + this.#othersBefore.granted;
    return policy.limit - Math.floor(granted * restOf(policy, nowMs));
  }

  /**
   * What the others left. If more was wanted than the limit in the previous period, also no more than this replica's
   * part of what is wanted, so that all can grant at once without exceeding it.
   */
  #allowed(policy: LimitPolicy, nowMs: number): number {
    const budget = this.#budget(policy, nowMs);
    const left = budget - this.#others.granted;
    if (this.#ownBefore.wanted + this.#othersBefore.wanted <= policy.limit) return left;
    const rest = restOf(policy, nowMs);
    const own = this.#ownBefore.wanted * rest + this.#own.wanted;
    const others = this.#othersBefore.wanted * rest + this.#others.wanted;
    return Math.min(left, Math.ceil((budget * own) / (own + others)));
  }

  #allowedAlone(policy: LimitPolicy, nowMs: number): number {
    const budget = this.#budget(policy, nowMs);
    return Math.max(Math.min(1, budget), budget - Math.round(budget * this.#othersPart));
  }
}

/** The part of the period that is still to come, from 1 to 0. */
function restOf({ periodMs }: LimitPolicy, nowMs: number): number {
  return 1 - (nowMs % periodMs) / periodMs;
}

function none(): Usage {
  return { wanted: 0, granted: 0 };
}
