/** Whether an `Accept` header asks for JSON rather than a page. Without a preference (curl), the result is the page. */
export function prefersJson(accept = ''): boolean {
  const wanted = accept.toLowerCase();
  return wanted.includes('json') && !wanted.includes('text/html');
}
