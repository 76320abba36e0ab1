import { MetaError } from './meta-error.ts';

/** Verdicts that deny access. `suspect` counts too, because the token was inspected just before. */
const REFUSALS: ReadonlySet<string> = new Set(['permission', 'parameter', 'blocked', 'suspect']);

/** "Application does not have the capability to make this API call": usually our settings, but here only this edge. */
const NO_CAPABILITY = 3;

/**
 * Returns the error if Meta refused a call made with a valid token, else null. Outages, limits and settings don't
 * count.
 */
export function asRefusal(error: unknown): MetaError | null {
  return error instanceof MetaError && REFUSALS.has(error.verdict.kind) ? error : null;
}

/**
 * Like `asRefusal`, for one of several lists or objects. For an edge or id that may not exist, Meta's answer can look
 * like a bad proof or a misconfigured app; the token was inspected with both, so neither is the cause.
 */
export function asPartialRefusal(error: unknown): MetaError | null {
  if (error instanceof MetaError && error.verdict.kind === 'configuration') {
    if (error.verdict.what === 'proof' || error.cause.code === NO_CAPABILITY) return error;
  }
  return asRefusal(error);
}

/** Whether Meta denies access to the object or does not know it. Says nothing about the token. */
export function isDenied(error: unknown): boolean {
  return error instanceof MetaError && (error.verdict.kind === 'permission' || error.verdict.kind === 'parameter');
}
