import { MetaError } from '../errors/meta-error.ts';

/** "Please reduce the amount of data": the code of "unknown, often temporary" as well, which only another try tells apart. */
const TOO_MUCH_DATA = 1;
const LIMITS = [100, 25, 5, 1] as const;
/** After so many good pages a larger limit is tried again; twice as many each time that fails. */
const FIRST_PATIENCE = 4;

/** How many objects of a list are asked for at a time: fewer where Meta answers that it is too much. */
export class PageSize {
  #level = 0;
  #good = 0;
  #patience = FIRST_PATIENCE;

  get limit(): number {
    return LIMITS[this.#level] ?? 1;
  }

  /** Whether the same page is worth asking for again, with the limit as it is now. */
  reduceAfter(error: unknown): boolean {
    if (!isTooMuchData(error) || this.#level === LIMITS.length - 1) return false;
    if (this.#good === 0 && this.#level > 0) this.#patience *= 2;
    this.#good = 0;
    this.#level++;
    return true;
  }

  /** A page came: one heavy object must not make thousands of calls of what follows it. */
  grow(): void {
    if (this.#level === 0 || ++this.#good < this.#patience) return;
    this.#level--;
    this.#good = 0;
  }
}

/** By the code; never by the words. */
function isTooMuchData(error: unknown): boolean {
  return error instanceof MetaError && error.verdict.kind === 'transient' && error.cause.code === TOO_MUCH_DATA;
}
