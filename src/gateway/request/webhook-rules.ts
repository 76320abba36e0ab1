import { hasSubscribedAppsEdge, hasSubscriptionsEdge } from '../../meta/graph/webhook-endpoints.ts';
import { type EffectiveCall, isRead } from './call-rules.ts';

/** What subscribing needs; whatever else a call names may delete. */
const SUBSCRIBING_METHODS = new Set(['get', 'head', 'post', 'put', 'patch']);

/** What a client does about it, whichever way it tried. */
const REMEDY =
  'Receive them from here (POST /v1/subscriptions), or have an admin name this very path in the allow list of the client.';

/**
 * Why a call would send Meta's webhooks past this service, or end them, as a text for the client; null where it would not. Only an
 * `allow` that names the path lifts this. A plain `POST /{id}/subscribed_apps` subscribes our own app, and passes.
 */
export function findWebhookReason({ methods, segments, ids, callbacks }: EffectiveCall): string | null {
  if (isRead(methods)) return null;
  const [callback] = callbacks;
  if (callback !== undefined) return `${callback} would send Meta's webhooks elsewhere, or end them. ${REMEDY}`;
  const named = [...segments, ...ids.filter((id) => !/^\s*https?:\/\//i.test(id))];
  if (named.some(hasSubscriptionsEdge)) {
    return `The webhook subscriptions of the app are settings of this service. ${REMEDY}`;
  }
  if (methods.some((method) => !SUBSCRIBING_METHODS.has(method)) && named.some(hasSubscribedAppsEdge)) {
    return `Unsubscribing the app would end Meta's webhooks of this account. ${REMEDY}`;
  }
  return null;
}
