/** Whether an `Accept` header asks for JSON and not for a page. Without a preference (curl), it gets the page. */
export function prefersJson(accept = ''): boolean {
  const wanted = accept.toLowerCase();
  return wanted.includes('json') && !wanted.includes('text/html');
}
