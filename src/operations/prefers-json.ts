/** Whether an `Accept` header asks for JSON and not for a page. */
export function prefersJson(accept = ''): boolean {
  return accept.includes('json') && !accept.includes('text/html');
}
