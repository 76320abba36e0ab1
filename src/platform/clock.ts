/** The only source of time. Injected, so tests can control it. */
export abstract class Clock {
  abstract now(): Date;
}

export class SystemClock extends Clock {
  override now(): Date {
    return new Date();
  }
}

/** Adds `seconds`, which may be negative or fractional. */
export function addSeconds(instant: Date, seconds: number): Date {
  return new Date(instant.getTime() + seconds * 1000);
}

/** Converts Meta's unix seconds. Returns null for 0, Meta's "never". */
export function fromUnixSeconds(seconds: number): Date | null {
  return seconds === 0 ? null : new Date(seconds * 1000);
}
