const GROUND = ['platform', 'config', 'database'];
/** `vault` is there for look-up hashes and the errors of broken seals; sealing and opening stay with connections, and leases on their hot path. */
const WORK = [...GROUND, 'vault', 'audit', 'events', 'access', 'meta', 'connections'];

/**
 * Who may import whom, besides files of the same room: the table of ARCHITECTURE.md with what docs/decisions.md adds to it.
 * Whatever is not in here may import nothing of ours.
 */
export const DOORS: Readonly<Record<string, readonly string[]>> = {
  platform: [],
  sandbox: [],
  config: ['platform'],
  database: ['platform', 'config', 'migrations'],
  meta: ['platform', 'config'],
  vault: GROUND,
  audit: GROUND,
  events: [...GROUND, 'vault', 'audit'],
  access: [...GROUND, 'audit', 'vault', 'events'],
  connections: [...GROUND, 'vault', 'audit', 'events'],
  lifecycle: WORK,
  connect: [...WORK, 'lifecycle'],
  webhooks: [...WORK, 'lifecycle'],
  leases: [...WORK, 'lifecycle'],
  gateway: [...WORK, 'lifecycle', 'leases'],
  console: [...WORK, 'connect', 'lifecycle', 'leases', 'gateway', 'webhooks'],
};
