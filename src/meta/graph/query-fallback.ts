import { MetaError } from '../errors/meta-error.ts';

/**
 * Tries the token in a header or body first, which is unconfirmed for these endpoints, and falls back to the documented
 * form with the token in the URL. Remembers for the life of the process which form Meta accepts.
 */
export class QueryFallback {
  #preferred: 'unknown' | 'works' | 'refused' = 'unknown';

  /** Both calls must be safe to make after the other was refused. */
  async run<T>(preferred: () => Promise<T>, fallback: () => Promise<T>): Promise<T> {
    if (this.#preferred === 'refused') return fallback();
    try {
      const result = await preferred();
      this.#preferred = 'works';
      return result;
    } catch (error) {
      if (this.#preferred === 'works' || !canBeFormatRejection(error)) throw error;
    }
    const result = await fallback();
    if (this.#preferred === 'unknown') this.#preferred = 'refused';
    return result;
  }
}

/**
 * Whether the form of the call may be the cause: a response below 500, neither a rate limit nor a confirmed verdict.
 */
function canBeFormatRejection(error: unknown): boolean {
  if (!(error instanceof MetaError) || error.httpStatus === null || error.httpStatus >= 500) return false;
  return !['throttled', 'dead', 'blocked'].includes(error.verdict.kind);
}
