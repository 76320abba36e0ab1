/** Cancels one piece of work from outside, like an AbortController at a tenth of its cost: for work that arrives by the thousands. */
export class Cancellation {
  #isCancelled = false;
  #listener: (() => void) | null = null;

  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  /** Once; later calls do nothing. */
  cancel(): void {
    if (this.#isCancelled) return;
    this.#isCancelled = true;
    this.#listener?.();
  }

  /** Calls `listener` when cancelled, immediately if that has happened already. Replaces the previous listener; null removes it. */
  setListener(listener: (() => void) | null): void {
    this.#listener = listener;
    if (this.#isCancelled) listener?.();
  }
}
