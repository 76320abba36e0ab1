import { MetaError } from '../errors/meta-error.ts';

/**
 * "Please reduce the amount of data" shares its code with "unknown, often temporary"; only a retry tells them apart.
 */
const TOO_MUCH_DATA = 1;
const LIMITS = [100, 25, 5, 1] as const;
/** Good pages before a larger limit is tried again. Doubles each time that fails. */
const FIRST_PATIENCE = 4;

/** The `limit` of a list's next page: smaller after Meta says that a page was too much data. */
export class PageSize {
  #level = 0;
  #good = 0;
  #patience = FIRST_PATIENCE;

  get limit(): number {
    return LIMITS[this.#level] ?? 1;
  }

  /** Lowers the limit. Returns whether the same page is worth requesting again. */
  reduceAfter(error: unknown): boolean {
    if (!isTooMuchData(error) || this.#level === LIMITS.length - 1) return false;
    if (this.#good === 0 && this.#level > 0) this.#patience *= 2;
    this.#good = 0;
    this.#level++;
    return true;
  }

  /**
   * Records a good page and, after enough of them, raises the limit again, so one heavy object does not slow the rest.
   */
  grow(): void {
    if (this.#level === 0 || ++this.#good < this.#patience) return;
    this.#level--;
    this.#good = 0;
  }
}

/** Decides by code, never by text. */
function isTooMuchData(error: unknown): boolean {
  return error instanceof MetaError && error.verdict.kind === 'transient' && error.cause.code === TOO_MUCH_DATA;
}
