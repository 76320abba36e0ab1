/** Meta's ids as they may appear in a path: digits, `act_` ids, and `me`. */
const ID_PATTERN = /^[A-Za-z0-9_]{1,64}$/;

/** Whether it may appear in a path. */
export function isGraphId(value: string): boolean {
  return ID_PATTERN.test(value);
}

/** The id itself, safe for a path. Throws a `RangeError`, without quoting it, for anything else. */
export function requireGraphId(value: string): string {
  if (!isGraphId(value)) throw new RangeError('not an id of a Graph object');
  return value;
}
