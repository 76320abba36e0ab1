/** The one source of time, injected so that tests can control it. */
export abstract class Clock {
  /** The present instant. */
  abstract now(): Date;
}

/** The clock of this machine. */
export class SystemClock extends Clock {
  override now(): Date {
    return new Date();
  }
}

/** `instant` moved by `seconds` (may be negative or a fraction). */
export function addSeconds(instant: Date, seconds: number): Date {
  return new Date(instant.getTime() + seconds * 1000);
}

/** An instant from Meta's unix seconds; Meta writes 0 for "never", which is null here. */
export function fromUnixSeconds(seconds: number): Date | null {
  return seconds === 0 ? null : new Date(seconds * 1000);
}
