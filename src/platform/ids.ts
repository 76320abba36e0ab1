import { encodeTime } from 'ulid';
import { Clock } from './clock.ts';
import { Random } from './random.ts';

const CROCKFORD = '0123456789abcdefghjkmnpqrstvwxyz';

/** `con_01jd…`: a prefix and a ULID in lower case, so that ids of one kind sort by the time they were made. */
export type Id = string;

const ID = /^[a-z]{3}_[0-9a-hjkmnp-tv-z]{26}$/;

/** Whether `value` has the form of an id with this prefix (`con`, `lse`, …). Says nothing of its existence. */
export function isId(value: string, prefix: string): boolean {
  return value.startsWith(`${prefix}_`) && ID.test(value);
}

/** Makes ids: 48 bits of time in milliseconds, then 80 random bits (https://github.com/ulid/spec). */
export class Ids {
  constructor(
    private readonly clock: Clock,
    private readonly random: Random,
  ) {}

  next(prefix: string): Id {
    const time = encodeTime(this.clock.now().getTime(), 10).toLowerCase();
    let tail = '';
    for (const byte of this.random.bytes(16)) tail += CROCKFORD[byte & 31];
    return `${prefix}_${time}${tail}`;
  }
}

/** The bound below which every id with this prefix was made before `instant`. For ranges by time on a primary key. */
export function firstIdAt(prefix: string, instant: Date): string {
  return `${prefix}_${encodeTime(instant.getTime(), 10).toLowerCase()}`;
}
