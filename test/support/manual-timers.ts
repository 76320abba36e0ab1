import { Timers } from '../../src/platform/timers.ts';

/** Timers that stand still until a test lets time pass. */
export class ManualTimers extends Timers {
  readonly #pending = new Set<{ atMs: number; onElapsed: () => void }>();
  #nowMs = 0;

  override start(ms: number, onElapsed: () => void): () => void {
    const timer = { atMs: this.#nowMs + ms, onElapsed };
    this.#pending.add(timer);
    return () => void this.#pending.delete(timer);
  }

  /** Lets time pass, for these timers alone. */
  advance(ms: number): void {
    this.#nowMs += ms;
    const elapsed = [...this.#pending].filter(({ atMs }) => atMs <= this.#nowMs);
    for (const timer of elapsed) if (this.#pending.delete(timer)) timer.onElapsed();
  }
}
