import { MetaError } from '../errors/meta-error.ts';

/**
 * A call that can be made in two forms: quietly, with the token in a header or body, which META.md allows but has from
 * hearsay only for this endpoint; and plainly, as documented, with the token in the address. The quiet form is tried first; where Meta
 * refuses it and takes the plain one, that is remembered for the life of this process, and so is the contrary.
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

/** Whether the refusal can come from the form of the call: an answer below 500 that is no limit and no confirmed verdict. */
function canBeFormatRejection(error: unknown): boolean {
  if (!(error instanceof MetaError) || error.httpStatus === null || error.httpStatus >= 500) return false;
  return !['throttled', 'dead', 'blocked'].includes(error.verdict.kind);
}
