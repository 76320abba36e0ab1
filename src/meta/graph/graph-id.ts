/** Meta's ids as they may appear in a path: digits, `act_` ids, and `me`. */
const ID_PATTERN = /^[A-Za-z0-9_]{1,64}$/;

/** The id itself, safe for a path. Throws a `RangeError`, without quoting it, for anything else. */
export function requireGraphId(value: string): string {
  if (!ID_PATTERN.test(value)) throw new RangeError('not an id of a Graph object');
  return value;
}
