import { MetaError } from '../errors/meta-error.ts';

/**
 * A call that can be made in two forms: quietly, with the token in a header or body, which META.md allows but has from
 * hearsay only for this endpoint; and plainly, as documented, with the token in the address. The quiet form is tried first; where Meta
 * refuses it and takes the plain one, that is remembered for the life of this process, and so is the contrary.
 */
export class QuietFirst {
  #quiet: 'unknown' | 'works' | 'refused' = 'unknown';

  /** Both must be safe to do after the other has been refused. */
  async run<T>(quiet: () => Promise<T>, plain: () => Promise<T>): Promise<T> {
    if (this.#quiet === 'refused') return plain();
    try {
      const result = await quiet();
      this.#quiet = 'works';
      return result;
    } catch (error) {
      if (this.#quiet === 'works' || !mayBeTheForm(error)) throw error;
    }
    const result = await plain();
    if (this.#quiet === 'unknown') this.#quiet = 'refused';
    return result;
  }
}

/** Whether the refusal can come from the form of the call: an answer below 500 that is no limit and no confirmed verdict. */
function mayBeTheForm(error: unknown): boolean {
  if (!(error instanceof MetaError) || error.httpStatus === null || error.httpStatus >= 500) return false;
  return !['throttled', 'dead', 'blocked'].includes(error.verdict.kind);
}
