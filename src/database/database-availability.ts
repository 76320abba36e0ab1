import { databaseUnavailableError, isDatabaseTrouble, isReadOnly, isSilence } from './database-unavailable.ts';

/** Called with the error when a statement runs into database trouble, and with null when one succeeds after that. */
type AvailabilityListener = (trouble: unknown) => void;

const REPLACE_INTERVAL_MS = 1_000;

/** Whether Postgres answers, as observed by the statements of all pools. */
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
   * Incremented when Postgres is silent or read-only: connections made before then, in any pool, may be dead or lead to
   * a server that is now a standby.
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

  /** A server that stays read-only must not cost a new connection for every write. */
  private isTimeToReplace(): boolean {
    const nowMs = performance.now();
    if (nowMs - this.#replacedAtMs < REPLACE_INTERVAL_MS) return false;
    this.#replacedAtMs = nowMs;
    return true;
  }
}
