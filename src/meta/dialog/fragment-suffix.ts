/** `#_=_` of facebook.com and `#_` of Instagram and Threads, as they are or percent-encoded. */
const FRAGMENT_SUFFIX = /(?:#|%23)_(?:(?:=|%3d)_)?$/i;

/** A value from a dialog's redirect without the fragment that a front end or proxy glued to its end (docs/meta-facts.md). */
export function withoutFragmentSuffix(value: string): string {
  return value.replace(FRAGMENT_SUFFIX, '');
}
