import type { IncomingHttpHeaders } from 'node:http';

/**
 * Meta's validators name the version of Meta's response. What the gateway changed in it is made for one lease: its own token in paging links,
 * fresh leases in the place of tokens. With another lease, or a little later, the same version of Meta's has other links, and a cached
 * response of before leads to leases that have ended. So validators are passed on only with a body that was not changed, and the
 * gateway itself compares them, after it has seen the whole body: Meta is never asked whether its response is still the same.
 */
const VALIDATORS = ['etag', 'last-modified'] as const;

const ENTITY_TAG = /(?:W\/)?("[^"]*")/g;

/** Adds the validators of an unchanged body to `head`, as alternating names and values; not those that `clean` would have to change. */
export function appendValidators(head: string[], headers: IncomingHttpHeaders, clean: (value: string) => string): void {
  for (const name of VALIDATORS) {
    const value = headers[name];
    if (value !== undefined && clean(value) === value) head.push(name, value);
  }
}

/** Whether `If-None-Match` names this entity tag, compared weakly (RFC 9110, 8.8.3.2). `*` names none: it says nothing of what was cached. */
export function namesEntityTag(ifNoneMatch: string | null, etag: string | undefined): boolean {
  const [opaque] = opaqueTags(etag ?? '');
  return opaque !== undefined && opaqueTags(ifNoneMatch ?? '').includes(opaque);
}

function opaqueTags(text: string): string[] {
  return [...text.matchAll(ENTITY_TAG)].map((match) => match[1] ?? '');
}
