import type { KindSynchronization } from '../../connections/connection/asset-details.ts';
import type { MetaError } from '../../meta/errors/meta-error.ts';

const AGAIN = 'request it again with POST /v1/connections/{id}/phone-numbers/{phone_number_id}/synchronize';

const REFUSED = {
  detail: 'Meta did not take the request.',
  remedy: `Check in WhatsApp Manager that the number is still connected to the WhatsApp Business app and that the token may manage it, then ${AGAIN}. Meta refuses, too, what it gave before (by an earlier request whose end nobody heard, say): then the webhooks come all the same.`,
};
const UNKNOWN = {
  detail: 'Meta did not respond as it should, so it is unknown whether it took the request.',
  remedy: `Wait for a moment, then ${AGAIN}: Meta takes each request only once, so a second one does no harm.`,
};
const UNAVAILABLE = {
  detail: 'Meta did not take the request now: it is out of reach, limits the app, or asks for something else first.',
  remedy: `Do what the response to the call says, or wait for its Retry-After, then ${AGAIN} before the deadline.`,
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
