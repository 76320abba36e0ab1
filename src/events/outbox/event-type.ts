/** What product services can hear of (CONTRACT 8). */
export const EVENT_TYPES = [
  'connection.created',
  'connection.refreshed',
  'connection.expiring',
  'connection.reauth_required',
  'connection.revoked',
  'meta.webhook',
] as const;

export type EventType = (typeof EVENT_TYPES)[number];
