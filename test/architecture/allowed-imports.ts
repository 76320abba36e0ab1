const FOUNDATION = ['platform', 'config', 'database'];
const RECORDS = [...FOUNDATION, 'auth', 'audit', 'vault', 'idempotency', 'events'];
const DOMAIN = [...RECORDS, 'meta', 'apps', 'connections'];
const FEATURES = [...DOMAIN, 'clients', 'customer-pages', 'lifecycle', 'connect', 'webhooks', 'leases', 'gateway'];
const EVERYTHING = [...FEATURES, 'sandbox', 'operations', 'console', 'bootstrap', 'cli', 'composition'];

/**
 * The modules that files of a module may import besides their own: the table of docs/architecture.md. A module missing
 * here does not exist. `composition` is `main.ts`, `cli.ts`, and `app.module.ts`.
 */
export const ALLOWED_IMPORTS: Readonly<Record<string, readonly string[]>> = {
  platform: [],
  sandbox: [],
  config: ['platform'],
  database: ['platform', 'config', 'migrations'],
  meta: ['platform', 'config'],
  auth: FOUNDATION,
  'customer-pages': [...FOUNDATION, 'auth'],
  audit: [...FOUNDATION, 'auth'],
  vault: [...FOUNDATION, 'auth', 'audit'],
  idempotency: [...FOUNDATION, 'auth', 'audit', 'vault'],
  events: [...FOUNDATION, 'auth', 'audit', 'vault', 'idempotency'],
  apps: [...RECORDS, 'meta'],
  clients: RECORDS,
  connections: RECORDS,
  lifecycle: DOMAIN,
  connect: [...DOMAIN, 'lifecycle', 'customer-pages'],
  webhooks: [...DOMAIN, 'lifecycle', 'customer-pages'],
  leases: [...DOMAIN, 'lifecycle'],
  gateway: [...DOMAIN, 'lifecycle', 'leases'],
  operations: FEATURES,
  console: [...FEATURES, 'operations'],
  bootstrap: EVERYTHING,
  cli: EVERYTHING,
  composition: EVERYTHING,
};
