import { MetaError } from './meta-error.ts';

/** Verdicts that settle "may this token have that?". The token was valid a moment ago, so `suspect` means no as well. */
const REFUSALS: ReadonlySet<string> = new Set(['permission', 'parameter', 'blocked', 'suspect']);

/** "Application does not have the capability to make this API call": our settings as a whole, but no more than this one edge. */
const NO_CAPABILITY = 3;

/** Whether Meta refused a call made with a valid token. Outages, rate limits and wrong settings of ours do not count. */
export function asRefusal(error: unknown): MetaError | null {
  return error instanceof MetaError && REFUSALS.has(error.verdict.kind) ? error : null;
}

/**
 * The same for one of several lists or objects. Of an edge or an id that may be none of anything, Meta's answer can look like a fault of our
 * proof or of the app. Neither is new: the token was inspected with both.
 */
export function asPartialRefusal(error: unknown): MetaError | null {
  if (error instanceof MetaError && error.verdict.kind === 'configuration') {
    if (error.verdict.what === 'proof' || error.cause.code === NO_CAPABILITY) return error;
  }
  return asRefusal(error);
}

/** Meta does not let this token have what was asked, or knows no such thing; says nothing about the token. */
export function isDenied(error: unknown): boolean {
  return error instanceof MetaError && (error.verdict.kind === 'permission' || error.verdict.kind === 'parameter');
}
