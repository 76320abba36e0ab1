import { databaseUnavailableError, isDatabaseTrouble, isReadOnly, isSilence } from './database-unavailable.ts';

/** Called when a statement met trouble, with its error, and when one succeeded after that, with null. */
type AvailabilityListener = (trouble: unknown) => void;

const REPLACE_INTERVAL_MS = 1_000;

/** Whether Postgres answers, from what the statements of all pools meet. */
export class DatabaseAvailability {
  #answeredAtMs = performance.now();
  #isTroubled = false;
  #generation = 0;
  #replacedAtMs = Number.NEGATIVE_INFINITY;
  #listener: AvailabilityListener = () => undefined;

  onChange(listener: AvailabilityListener): void {
    this.#listener = listener;
  }

  /** Whether a statement has succeeded since the last trouble. */
  get isUp(): boolean {
    return !this.#isTroubled;
  }

  /** Seconds since Postgres last answered a statement. */
  get answerAgeSeconds(): number {
    return (performance.now() - this.#answeredAtMs) / 1000;
  }

  /**
   * Rises when Postgres was silent, or takes no writes: connections made before may be dead, or lead to a server that
   * is a standby now, whichever pool has them.
   */
  get generation(): number {
    return this.#generation;
  }

  /** Called on the hot path. */
  answered(): void {
    this.#answeredAtMs = performance.now();
    if (!this.#isTroubled) return;
    this.#isTroubled = false;
    this.#listener(null);
  }

  /** Converts trouble with the database to 503 `database_unavailable`; returns any other error unchanged. */
  explain(error: unknown): unknown {
    if (!isDatabaseTrouble(error)) return error;
    return this.unavailable(error);
  }

  /** Reports trouble, and returns the error to throw. */
  unavailable(cause: unknown): Error {
    if (isSilence(cause) || (isReadOnly(cause) && this.isTimeToReplace())) this.#generation += 1;
    this.#isTroubled = true;
    this.#listener(cause);
    return databaseUnavailableError(cause);
  }

  /** A server that stays read-only must not cost a new connection for each write. */
  private isTimeToReplace(): boolean {
    const nowMs = performance.now();
    if (nowMs - this.#replacedAtMs < REPLACE_INTERVAL_MS) return false;
    this.#replacedAtMs = nowMs;
    return true;
  }
}
