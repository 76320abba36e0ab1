/** The routes of this module, by the first part of their path. The operations listener serves no others. */
const FIRST_PARTS = new Set(['', 'docs', 'health', 'metrics', 'openapi.json', 'problems']);

/** Whether a route pattern (`/docs/:file`) is for the operations listener. */
export function isOperationsRoute(route: string): boolean {
  return FIRST_PARTS.has(route.split('/', 2)[1] ?? '');
}
