/** Ids that may appear in a path: digits, `act_` ids, and `me`. */
const ID_PATTERN = /^[A-Za-z0-9_]{1,64}$/;

/** Whether a value is safe to use in a path. */
export function isGraphId(value: string): boolean {
  return ID_PATTERN.test(value);
}

/** Returns an id that is safe in a path. Throws a `RangeError`, which does not quote the value, for anything else. */
export function requireGraphId(value: string): string {
  if (!isGraphId(value)) throw new RangeError('not an id of a Graph object');
  return value;
}
