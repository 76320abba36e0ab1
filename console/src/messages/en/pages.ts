/** Names of the pages, in the navigation and as window titles. */
export const PAGE_NAMES = {
  overview: 'Overview',
  connections: 'Connections',
  connection: 'Connection',
  clients: 'Clients',
  client: 'Client',
  subscriptions: 'Subscriptions',
  subscription: 'Subscription',
  leases: 'Leases',
  audit: 'Audit record',
  keys: 'Keys',
  apps: 'Apps',
  app: 'App',
  doctor: 'Doctor',
  settings: 'Settings',
  sessions: 'Sessions',
};
