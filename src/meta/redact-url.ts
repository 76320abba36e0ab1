/** An address as the log may show it: host and path. Queries of Meta's URLs hold tokens, secrets and codes (META.md 19.14). */
export function redactUrl(url: string): string {
  try {
    const { host, pathname } = new URL(url);
    return `${host}${pathname}`;
  } catch {
    return '[not a url]';
  }
}
