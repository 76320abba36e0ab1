const FOUNDATION = ['platform', 'config', 'database'];
/** `vault` is there for look-up hashes and the errors of broken seals; sealing and opening stay with connections, and leases on their hot path. */
const DOMAIN = [...FOUNDATION, 'vault', 'audit', 'events', 'access', 'meta', 'connections'];

/**
 * Who may import whom, besides files of the same room: the table of ARCHITECTURE.md with what docs/decisions.md adds to it.
 * Whatever is not in here may import nothing of ours.
 */
export const ALLOWED_IMPORTS: Readonly<Record<string, readonly string[]>> = {
  platform: [],
  sandbox: [],
  config: ['platform'],
  database: ['platform', 'config', 'migrations'],
  meta: ['platform', 'config'],
  vault: FOUNDATION,
  audit: FOUNDATION,
  events: [...FOUNDATION, 'vault', 'audit'],
  access: [...FOUNDATION, 'audit', 'vault', 'events'],
  connections: [...FOUNDATION, 'vault', 'audit', 'events'],
  lifecycle: DOMAIN,
  connect: [...DOMAIN, 'lifecycle'],
  webhooks: [...DOMAIN, 'lifecycle'],
  leases: [...DOMAIN, 'lifecycle'],
  gateway: [...DOMAIN, 'lifecycle', 'leases'],
  console: [...DOMAIN, 'connect', 'lifecycle', 'leases', 'gateway', 'webhooks'],
};
