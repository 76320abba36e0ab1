import type { ClaimSource } from './claim-alternately.ts';

/** So much longer than the search an empty source rests: it costs a twentieth of the time at most. */
const REST_FACTOR = 20;

/**
 * A source that is not asked again soon after it was found empty, because finding that out takes a walk over all
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
    if (claimed.length === 0) this.#restsUntilMs = endedAtMs + REST_FACTOR * (endedAtMs - startedAtMs);
    return claimed;
  }
}
