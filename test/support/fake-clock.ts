import { Clock } from '../../src/platform/clock.ts';

/** A clock that stands still until it is told to move. */
export class FakeClock extends Clock {
  #now: number;

  constructor(start = '2026-11-22T12:00:00.000Z') {
    super();
    this.#now = Date.parse(start);
  }

  override now(): Date {
    return new Date(this.#now);
  }

  advance(seconds: number): void {
    this.#now += seconds * 1000;
  }

  set(instant: Date | string): void {
    this.#now = new Date(instant).getTime();
  }
}
