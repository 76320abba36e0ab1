/**
 * The edges by which an object's or an app's webhooks are switched on and off (docs/meta-facts.md): `/{id}/subscribed_apps` of WhatsApp
 * accounts, Pages, Instagram and ad accounts, `/{app-id}/subscriptions` of the app, `/app` included.
 */
const SUBSCRIBED_APPS = /subscribed_?apps/i;
const SUBSCRIPTIONS = /(^|[^a-z0-9_])subscriptions([^a-z0-9_]|$)/i;

/** Whether a text (a segment, or the value of `id` or `ids`) holds the edge that subscribes an app to one object. */
export function hasSubscribedAppsEdge(text: string): boolean {
  return SUBSCRIBED_APPS.test(text);
}

/** Whether a text holds the edge with the subscriptions of a whole app. */
export function hasSubscriptionsEdge(text: string): boolean {
  return SUBSCRIPTIONS.test(text);
}
