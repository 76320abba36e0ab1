import type { KindSynchronization } from '../../connections/connection/asset-details.ts';
import type { MetaError } from '../../meta/errors/meta-error.ts';

const AGAIN = 'request it again with POST /v1/connections/{id}/phone-numbers/{phone_number_id}/synchronize';

const REFUSED = {
  detail: 'Meta refused the request.',
  remedy: `Check in WhatsApp Manager that the number is still connected to the WhatsApp Business app and that the token may manage it, then ${AGAIN}. Meta also refuses repeats, for example of a request whose response was lost; the webhooks still come then.`,
};
const UNKNOWN = {
  detail: 'Meta did not respond properly, so it may or may not have accepted the request.',
  remedy: `Wait a moment, then ${AGAIN}: Meta accepts each request only once, so repeating it is safe.`,
};
const UNAVAILABLE = {
  detail: 'Meta did not accept the request now: it is down, limits the app, or requires something else first.',
  remedy: `Follow the response to the call, or wait for its Retry-After, then ${AGAIN} before the deadline.`,
};

/** What a failed request means, and what to do. */
export function toSynchronizationFailure({
  cause,
  verdict,
  mayHaveCommitted,
}: MetaError): Pick<KindSynchronization, 'detail' | 'remedy' | 'meta'> & { detail: string; remedy: string } {
  const isRefusal = verdict.kind === 'permission' || verdict.kind === 'parameter' || verdict.kind === 'blocked';
  const message = isRefusal ? REFUSED : mayHaveCommitted ? UNKNOWN : UNAVAILABLE;
  return { ...message, ...(Object.keys(cause).length === 0 ? {} : { meta: cause }) };
}
