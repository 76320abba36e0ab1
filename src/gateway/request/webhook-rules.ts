import { hasSubscribedAppsEdge, hasSubscriptionsEdge } from '../../meta/graph/webhook-endpoints.ts';
import { type EffectiveCall, isRead } from './call-rules.ts';

/** Methods for subscribing. Any other may delete. */
const SUBSCRIBING_METHODS = new Set(['get', 'head', 'post', 'put', 'patch']);

const REMEDY =
  'Subscribe here (POST /v1/subscriptions), or have an admin add this exact path to the allow list of the client.';

/**
 * Returns why a call is refused because it moves or ends Meta's webhooks, as a text for the client; null if it does
 * not. Only an `allow` that names the path lifts this. A plain `POST /{id}/subscribed_apps` subscribes our own app and
 * is allowed.
 */
export function findWebhookReason({ methods, segments, ids, callbacks }: EffectiveCall): string | null {
  if (isRead(methods)) return null;
  const [callback] = callbacks;
  if (callback !== undefined) return `${callback} would move or end Meta's webhooks. ${REMEDY}`;
  const named = [...segments, ...ids.filter((id) => !/^\s*https?:\/\//i.test(id))];
  if (named.some(hasSubscriptionsEdge)) {
    return `This service manages the webhook subscriptions of the app. ${REMEDY}`;
  }
  if (methods.some((method) => !SUBSCRIBING_METHODS.has(method)) && named.some(hasSubscribedAppsEdge)) {
    return `Unsubscribing the app would end Meta's webhooks for this account. ${REMEDY}`;
  }
  return null;
}
