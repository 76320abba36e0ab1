/** `#_=_` (facebook.com) or `#_` (Instagram, Threads), plain or percent-encoded. */
const FRAGMENT_SUFFIX = /(?:#|%23)_(?:(?:=|%3d)_)?$/i;

/**
 * Strips the fragment that some front ends and proxies append to a value
 * (docs/meta-facts.md#instagram-and-threads-apps).
 */
export function withoutFragmentSuffix(value: string): string {
  return value.replace(FRAGMENT_SUFFIX, '');
}
