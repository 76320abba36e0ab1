/** The module that owns each table: its SQL, and nobody else's, may name it. */
export const TABLE_OWNERS: Readonly<Record<string, string>> = {
  schema_migration: 'database',
  encryption_key: 'vault',
  sealed_secret: 'vault',
  key_rewrap: 'vault',
  payload_key: 'vault',
  client: 'auth',
  client_key: 'auth',
  client_identity: 'auth',
  audit_entry: 'audit',
  audit_link: 'audit',
  audit_head: 'audit',
  audit_checkpoint: 'audit',
  event: 'events',
  subscription: 'events',
  subscription_secret: 'events',
  delivery: 'events',
  delivery_queue: 'events',
  connection: 'connections',
  credential: 'connections',
  credential_version: 'connections',
  asset: 'connections',
  provider_revocation: 'connections',
  token_revocation: 'connections',
  pending_authorization: 'connections',
  connect_session: 'connect',
  connect_attempt: 'connect',
  announced_account: 'connections',
  lease: 'leases',
  app_rate_limit: 'lifecycle',
  served_version: 'lifecycle',
  object_rate_limit: 'lifecycle',
  webhook_entry: 'webhooks',
  privacy_request: 'webhooks',
};

/** Where a statement reads a table of another module all the same, and why it can't be otherwise. */
export const FOREIGN_READS: Readonly<Record<string, { table: string; why: string }>> = {
  'src/connections/credentials/newer-lease.query.ts': {
    table: 'lease',
    why: 'leases stand above connections, and the condition is part of the statement that deletes and locks',
  },
};
