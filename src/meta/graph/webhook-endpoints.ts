/**
 * Edges that turn webhooks on and off (docs/meta-facts.md#whatsapp-accounts-of-a-token): `/{id}/subscribed_apps` of
 * WhatsApp accounts, Pages, Instagram and ad accounts, and `/{app-id}/subscriptions`, also as `/app/subscriptions`.
 */
const SUBSCRIBED_APPS = /subscribed_?apps/i;
const SUBSCRIPTIONS = /(^|[^a-z0-9_])subscriptions([^a-z0-9_]|$)/i;

/** Whether a text (a segment, or the value of `id` or `ids`) contains the edge that subscribes an app to an object. */
export function hasSubscribedAppsEdge(text: string): boolean {
  return SUBSCRIBED_APPS.test(text);
}

/** Whether a text contains the edge with an app's webhook subscriptions. */
export function hasSubscriptionsEdge(text: string): boolean {
  return SUBSCRIPTIONS.test(text);
}
