import { MetaError } from '../errors/meta-error.ts';

/**
 * A call that can be made in two forms: with the token in a header or body, which META.md allows but does not confirm
 * for this endpoint; and, as documented, with the token in the address. The header form is tried first; where Meta
 * refuses it and accepts the documented one, that is remembered for the life of this process, and so is the contrary.
 */
export class QueryFallback {
  #preferred: 'unknown' | 'works' | 'refused' = 'unknown';

  /** Both must be safe to do after the other has been refused. */
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

/** Whether the form of the call can be the cause: a response below 500 that is neither a rate limit nor a confirmed verdict. */
function canBeFormatRejection(error: unknown): boolean {
  if (!(error instanceof MetaError) || error.httpStatus === null || error.httpStatus >= 500) return false;
  return !['throttled', 'dead', 'blocked'].includes(error.verdict.kind);
}
