/** Groups of operations, in the order that suits a reader, with their descriptions. */
export const TAGS: readonly (readonly [name: string, description: string])[] = [
  ['connect', 'Connect a user or business: sessions for the browser, codes of the JavaScript SDK, imported tokens'],
  ['connections', 'What is connected: status, credentials, and assets'],
  ['leases', 'Short-lived access to the token of a connection'],
  ['gateway', "Calls of Meta's APIs with a lease"],
  ['events', 'Subscriptions to events, and their deliveries'],
  ['clients', 'Clients of this service, their API keys and policies'],
  ['apps', 'Meta apps: of brands, or that customers bring'],
  ['audit', 'The record of every lease and every change'],
  ['console', "People's sign-ins and sessions of the admins' site"],
  ['keys', 'Key-encryption keys, for operators'],
  ['maintenance', 'Sweeps on request, for operators'],
  ['operations', 'Health, metrics, and this documentation'],
  ['browser', 'Pages that customers see on their way to Meta and back'],
  ['meta', "Callbacks of Meta's: webhooks and privacy requests"],
];
