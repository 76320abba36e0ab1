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
  /** Until the next period in which earlier ones have left anything. */
  resetMs: number;
}

/** What a replica reports to the others about a limit. */
export interface UsageReport {
  period: number;
  own: Usage;
  ownBefore: Usage;
}

/** The part of the limit that a replica may grant before it reports to the others. */
const SLICE = 0.05;
/** Earlier periods that are kept, because what others counted in them may arrive late. */
const MEMORY = 4;

/**
 * Periods that a burst may use up in advance. Five replicas that don't know of each other yet grant the limit of five
 * periods; a smaller number would never take some of that back, a larger one would shut callers out for longer.
 */
const MOST_EXCESS = 4;

/** One period, as this replica and the others counted it. */
interface Period {
  own: Usage;
  others: Usage;
}

/**
 * One limit that holds over all replicas, as one of them sees it: its own counts, and the others' as last exchanged.
 * Decides at once. What replicas granted beyond the limit before they knew of each other is taken from later periods.
 */
export class SharedLimit {
  #number: number | null = null;
  /** The current one first. */
  #periods: Period[] = [begin()];
  /** Requests granted beyond the limit before the periods that are kept. */
  #excess = 0;
  /** The others' share of what was last granted, from 0 to 1. */
  #othersPart = 0;
  #reportedGrants = 0;
  #learnedNumber: number | null = null;

  /**
   * Counts a request. `isIsolated`: the others can't be reached, so only this replica's last share of the limit is
   * granted.
   */
  take(policy: LimitPolicy, nowMs: number, isIsolated: boolean): LimitDecision {
    this.#turnTo(policy, nowMs);
    this.#current.own.wanted++;
    return this.retake(policy, nowMs, isIsolated);
  }

  /** Reconsiders the last request, which `take` refused, under another policy. */
  retake(policy: LimitPolicy, nowMs: number, isIsolated: boolean): LimitDecision {
    const { own } = this.#current;
    const allowed = isIsolated ? this.#allowedAlone(policy, nowMs) : this.#allowed(policy, nowMs);
    const isGranted = own.granted < allowed;
    if (isGranted) own.granted++;
    const remaining = Math.max(0, allowed - own.granted);
    return { isGranted, remaining, resetMs: this.#resetMs(policy, nowMs) };
  }

  /** Whether to exchange counts soon: the others lack many of this replica's grants, or it lacks theirs. */
  isExchangeUrgent({ limit }: LimitPolicy): boolean {
    const slice = Math.max(1, Math.floor(limit * SLICE));
    return this.#learnedNumber !== this.#number || this.#current.own.granted - this.#reportedGrants >= slice;
  }

  /** Returns what to report to the others. */
  report(): UsageReport {
    const { own } = this.#current;
    this.#reportedGrants = own.granted;
    return { period: this.#number ?? 0, own: { ...own }, ownBefore: { ...this.#previous.own } };
  }

  /** Takes in what the others counted in a period of a report and the one before. */
  learn(number: number, others: Usage, othersBefore: Usage): void {
    const age = (this.#number ?? number) - number;
    for (const [index, usage] of [others, othersBefore].entries()) {
      const period = this.#periods[age + index];
      if (period !== undefined) period.others = usage;
    }
    if (age === 0) this.#learnedNumber = number;
    const [current, previous] = [this.#current, this.#previous];
    const foreign = current.others.granted + previous.others.granted;
    const all = foreign + current.own.granted + previous.own.granted;
    if (all > 0) this.#othersPart = foreign / all;
  }

  get #current(): Period {
    return this.#periods[0] ?? begin();
  }

  get #previous(): Period {
    return this.#periods[1] ?? begin();
  }

  #turnTo(policy: LimitPolicy, nowMs: number): void {
    const number = Math.floor(nowMs / policy.periodMs);
    this.#number ??= number;
    for (let turns = Math.min(number - this.#number, MEMORY + 1); turns > 0; turns--) {
      this.#periods.unshift(begin());
      const oldest = this.#periods.length > MEMORY + 1 ? this.#periods.pop() : undefined;
      if (oldest !== undefined) this.#excess = excessAfter(this.#excess, oldest, policy);
      this.#reportedGrants = 0;
    }
    this.#number = Math.max(this.#number, number);
  }

  #resetMs(policy: LimitPolicy, nowMs: number): number {
    const owed = Math.max(0, -this.#budget(policy, nowMs));
    const takenPeriods = policy.limit > 0 ? Math.floor(owed / policy.limit) : 0;
    return (takenPeriods + 1) * policy.periodMs - (nowMs % policy.periodMs);
  }

  /** What this period may grant, after what earlier ones took from it. */
  #budget(policy: LimitPolicy, nowMs: number): number {
    if (policy.carry === 'sliding') return policy.limit - Math.floor(grantedIn(this.#previous) * restOf(policy, nowMs));
    let excess = this.#excess;
    for (let age = this.#periods.length - 1; age > 0; age--)
      excess = excessAfter(excess, this.#periods[age] ?? begin(), policy);
    return policy.limit - excess;
  }

  /**
   * What the others left. If demand exceeded the limit in the previous period, also no more than this replica's share
   * of the demand, so that all can grant at once without exceeding the limit.
   */
  #allowed(policy: LimitPolicy, nowMs: number): number {
    const [current, previous] = [this.#current, this.#previous];
    const budget = this.#budget(policy, nowMs);
    const left = budget - current.others.granted;
    if (previous.own.wanted + previous.others.wanted <= policy.limit) return left;
    const rest = restOf(policy, nowMs);
    const own = previous.own.wanted * rest + current.own.wanted;
    const others = previous.others.wanted * rest + current.others.wanted;
    return Math.min(left, Math.ceil((budget * own) / (own + others)));
  }

  #allowedAlone(policy: LimitPolicy, nowMs: number): number {
    const budget = this.#budget(policy, nowMs);
    return Math.max(Math.min(1, budget), budget - Math.round(budget * this.#othersPart));
  }
}

function begin(): Period {
  return { own: { wanted: 0, granted: 0 }, others: { wanted: 0, granted: 0 } };
}

function grantedIn({ own, others }: Period): number {
  return own.granted + others.granted;
}

/** Requests granted beyond the limit by the end of a period; at most the limit of `MOST_EXCESS` periods. */
function excessAfter(before: number, period: Period, { limit, carry }: LimitPolicy): number {
  return carry === 'sliding' ? 0 : Math.min(MOST_EXCESS * limit, Math.max(0, before + grantedIn(period) - limit));
}

/** The part of the period that remains, from 1 to 0. */
function restOf({ periodMs }: LimitPolicy, nowMs: number): number {
  return 1 - (nowMs % periodMs) / periodMs;
}
