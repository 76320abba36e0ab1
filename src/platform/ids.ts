import { decodeTime, encodeTime } from 'ulid';
import { Clock } from './clock.ts';
import { Random } from './random.ts';

const CROCKFORD = '0123456789abcdefghjkmnpqrstvwxyz';

/** `con_01jd…`: a prefix and a lowercase ULID, so ids of one kind sort by creation time. */
export type Id<P extends string = string> = `${P}_${string}`;

/** Any id of this service, whatever its prefix. */
export const ID_PATTERN = /^[a-z]{3}_[0-9a-hjkmnp-tv-z]{26}$/;

/** Whether `value` has the form of an id with this prefix (`con`, `lse`, …). It may not exist. */
export function isId<P extends string>(value: string, prefix: P): value is Id<P> {
  return value.startsWith(`${prefix}_`) && ID_PATTERN.test(value);
}

const TAIL_LENGTH = 16;

/**
 * Generates ids: 48 bits of time in milliseconds, then 80 random bits. Within one millisecond each id is the previous
 * one plus one, so one replica's ids sort by creation (https://github.com/ulid/spec, monotonic). Ids identify; they do
 * not authenticate.
 */
export class Ids {
  #lastMs = Number.NaN;
  /** `#lastMs` as encoded in an id. */
  #lastTime = '';
  readonly #tail = new Uint8Array(TAIL_LENGTH);

  constructor(
    private readonly clock: Clock,
    private readonly random: Random,
  ) {}

  next<P extends string>(prefix: P): Id<P> {
    const nowMs = this.clock.now().getTime();
    if (nowMs === this.#lastMs) this.#count();
    else this.#draw(nowMs);
    let tail = '';
    for (let at = 0; at < TAIL_LENGTH; at++) tail += CROCKFORD[this.#tail[at] ?? 0];
    return `${prefix}_${this.#lastTime}${tail}`;
  }

  #draw(nowMs: number): void {
    this.#lastMs = nowMs;
    this.#lastTime = encodeTime(nowMs, 10).toLowerCase();
    const bytes = this.random.bytes(TAIL_LENGTH);
    // Limit the first digit to half its range, so that incrementing never overflows.
    for (let at = 0; at < TAIL_LENGTH; at++) this.#tail[at] = (bytes[at] ?? 0) & (at === 0 ? 15 : 31);
  }

  #count(): void {
    for (let at = TAIL_LENGTH - 1; at >= 0; at--) {
      const digit = ((this.#tail[at] ?? 0) + 1) & 31;
      this.#tail[at] = digit;
      if (digit !== 0) return;
    }
  }
}

const MAX_ULID_MS = 2 ** 48 - 1;

/**
 * Returns the bound below which all ids with this prefix were created before `instant` (numbers: milliseconds since
 * 1970, clamped to what a ULID holds). For time ranges on a primary key.
 */
export function firstIdAt<P extends string>(prefix: P, instant: Date | number): Id<P> {
  const epochMs = Math.min(Math.max(0, Math.floor(Number(instant))), MAX_ULID_MS);
  return `${prefix}_${encodeTime(epochMs, 10).toLowerCase()}`;
}

/** Returns when an id was created; also takes a bound from `firstIdAt`. Throws for any other text. */
export function timeOfId(id: string): Date {
  return new Date(
    decodeTime(
      id
        .slice(id.indexOf('_') + 1)
        .padEnd(26, '0')
        .toUpperCase(),
    ),
  );
}
