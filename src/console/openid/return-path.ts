import { invalidInputError } from '../../platform/problem.ts';

const START = '/console';
const MAX_LENGTH = 500;
const BASE = 'http://console.invalid';

/**
 * Returns where the browser goes after the sign-in: the path and query of a page of the console, as browsers normalize
 * it. Absent: its first page. Throws 400 for anything else, which would make us an open redirector.
 */
export function toReturnPath(given: string | undefined): string {
  if (given === undefined) return START;
  const url =
    given.length <= MAX_LENGTH && given.startsWith('/') && URL.canParse(given, BASE) ? new URL(given, BASE) : null;
  const isPage =
    url !== null &&
    url.origin === BASE &&
    (url.pathname === START || url.pathname.startsWith(`${START}/`)) &&
    !url.pathname.startsWith(`${START}/sign-in/`);
  if (!isPage) throw invalidInputError('return_to', 'must be the path of a page below /console');
  return url.pathname + url.search;
}
