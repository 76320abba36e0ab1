import type { ClaimSource } from './claim-alternately.ts';

/**
 * How many times longer than its search an empty source rests, so that searching takes at most a twentieth of the time.
 */
const REST_FACTOR = 20;
/** Nothing that becomes due before then is urgent enough to be found sooner. */
const MIN_REST_MS = 10_000;

/**
 * A source that is not asked again soon after it was found empty, because finding that out means walking over all
 * tenants. `isIdle`: ask in any case. `nowMs` is monotonic.
 */
export class RestingSource<T> {
  #restsUntilMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly source: ClaimSource<T>,
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  async claim(limit: number, isIdle: boolean): Promise<T[]> {
    const startedAtMs = this.nowMs();
    if (!isIdle && startedAtMs < this.#restsUntilMs) return [];
    const claimed = await this.source(limit);
    const endedAtMs = this.nowMs();
    if (claimed.length === 0) {
      this.#restsUntilMs = endedAtMs + Math.max(MIN_REST_MS, REST_FACTOR * (endedAtMs - startedAtMs));
    }
    return claimed;
  }
}
