import type { IncomingHttpHeaders } from 'node:http';

/**
 * Validators identify Meta's response, not ours: the gateway writes lease tokens into it, so a cached copy would lead
 * to leases that have ended. They are passed on only with an unchanged body, and the gateway compares them itself once
 * it has seen the whole body. Conditions are never forwarded to Meta.
 */
const VALIDATORS = ['etag', 'last-modified'] as const;

const ENTITY_TAG = /(?:W\/)?("[^"]*")/g;

/** Appends validators to `head`, as alternating names and values, except those that `clean` would change. */
export function appendValidators(head: string[], headers: IncomingHttpHeaders, clean: (value: string) => string): void {
  for (const name of VALIDATORS) {
    const value = headers[name];
    if (value !== undefined && clean(value) === value) head.push(name, value);
  }
}

/** Returns whether `If-None-Match` names this tag, by weak comparison (RFC 9110, 8.8.3.2). `*` names none. */
export function namesEntityTag(ifNoneMatch: string | null, etag: string | undefined): boolean {
  const [opaque] = opaqueTags(etag ?? '');
  return opaque !== undefined && opaqueTags(ifNoneMatch ?? '').includes(opaque);
}

function opaqueTags(text: string): string[] {
  return [...text.matchAll(ENTITY_TAG)].map((match) => match[1] ?? '');
}
