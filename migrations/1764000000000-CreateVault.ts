import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The first schema. Ids are text with a prefix and sort by time (collation "C"), so primary keys serve keyset paging.
 * Everything that is a token, or opens one, is stored as ciphertext in sealed_secret and encryption_key.
 */
export class CreateVault1764000000000 implements MigrationInterface {
  name = 'CreateVault1764000000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE lease, asset, provider_revocation, credential_version, credential, token_intake,
      connect_attempt, connect_session, connection, sealed_secret, event, audit_head, audit_link, audit_entry,
      client_key, client, encryption_key`);
  }
}

const UP = [
  // vault/
  `CREATE TABLE encryption_key (
    id text COLLATE "C" PRIMARY KEY,
    purpose text NOT NULL CHECK (purpose IN ('data', 'audit', 'lookup')),
    state text NOT NULL CHECK (state IN ('active', 'decrypt_only', 'retired')),
    wrapped bytea,
    root_key_id text NOT NULL,
    created_at timestamptz NOT NULL,
    retired_at timestamptz,
    CHECK ((state = 'retired') = (wrapped IS NULL))
  )`,
  `CREATE UNIQUE INDEX encryption_key_active ON encryption_key (purpose) WHERE state = 'active'`,
  `CREATE TABLE sealed_secret (
    id text COLLATE "C" PRIMARY KEY,
    kek_id text COLLATE "C" NOT NULL REFERENCES encryption_key (id),
    wrapped_key bytea NOT NULL,
    ciphertext bytea NOT NULL,
    created_at timestamptz NOT NULL
  )`,
  `CREATE INDEX sealed_secret_kek ON sealed_secret (kek_id, id)`,
  // access/
  `CREATE TABLE client (
    id text COLLATE "C" PRIMARY KEY,
    name text NOT NULL,
    role text NOT NULL CHECK (role IN ('service', 'admin', 'auditor')),
    tenants text[] NOT NULL,
    products text[] NOT NULL,
    lease_modes text[] NOT NULL,
    max_ttl_seconds integer NOT NULL,
    rate_limit_per_second integer,
    created_at timestamptz NOT NULL,
    deleted_at timestamptz
  )`,
  `CREATE TABLE client_key (
    hash bytea PRIMARY KEY,
    client_id text COLLATE "C" NOT NULL REFERENCES client (id),
    created_at timestamptz NOT NULL,
    expires_at timestamptz
  )`,
  `CREATE INDEX client_key_client ON client_key (client_id)`,
  // audit/: entries are only inserted. The chain is a separate table, so a role without UPDATE can write both.
  `CREATE TABLE audit_entry (
    id text COLLATE "C" PRIMARY KEY,
    at timestamptz NOT NULL,
    action text NOT NULL,
    actor_kind text NOT NULL CHECK (actor_kind IN ('client', 'browser', 'meta', 'operator', 'system')),
    actor_id text COLLATE "C",
    tenant text,
    product text,
    connection_id text COLLATE "C",
    subject_id text COLLATE "C",
    request_id text,
    details json NOT NULL
  )`,
  `CREATE INDEX audit_entry_connection ON audit_entry (connection_id, id) WHERE connection_id IS NOT NULL`,
  `CREATE INDEX audit_entry_actor ON audit_entry (actor_id, id) WHERE actor_id IS NOT NULL`,
  // What was done to a client, for filtering the audit record by client.
  `CREATE INDEX audit_entry_client ON audit_entry (subject_id, id) WHERE action LIKE 'client.%'`,
  `CREATE TABLE audit_link (
    position bigint PRIMARY KEY,
    entry_id text COLLATE "C" NOT NULL UNIQUE,
    mac bytea NOT NULL
  )`,
  `CREATE TABLE audit_head (
    id smallint PRIMARY KEY CHECK (id = 1),
    entries bigint NOT NULL,
    mac bytea NOT NULL,
    seal bytea NOT NULL
  )`,
  // events/
  `CREATE TABLE event (
    id text COLLATE "C" PRIMARY KEY,
    type text NOT NULL,
    tenant text,
    product text,
    connection_id text COLLATE "C",
    data json NOT NULL,
    created_at timestamptz NOT NULL
  )`,
  // connections/
  `CREATE TABLE connection (
    id text COLLATE "C" PRIMARY KEY,
    tenant text NOT NULL,
    product text NOT NULL,
    flow text NOT NULL,
    status text NOT NULL CHECK (status IN ('active', 'reauth_required', 'revoked')),
    status_reason json,
    app_id text NOT NULL,
    meta_user_id text NOT NULL,
    scopes text[] NOT NULL,
    declined_scopes text[] NOT NULL,
    data_access_expires_at timestamptz,
    graph_api_version text NOT NULL,
    provider_revocation text CHECK (provider_revocation IN ('confirmed', 'pending', 'shared', 'not_supported')),
    authorized_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    revoked_at timestamptz,
    CHECK ((status = 'revoked') = (revoked_at IS NOT NULL))
  )`,
  // Reconnecting finds the live connection; revoked ones remain as history.
  `CREATE UNIQUE INDEX connection_living ON connection (tenant, product, app_id, meta_user_id) WHERE status <> 'revoked'`,
  `CREATE INDEX connection_tenant ON connection (tenant, product, id)`,
  `CREATE INDEX connection_meta_user ON connection (app_id, meta_user_id)`,
  `CREATE TABLE credential (
    id text COLLATE "C" PRIMARY KEY,
    connection_id text COLLATE "C" NOT NULL REFERENCES connection (id),
    app_id text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('user', 'page', 'system_user', 'instagram_user', 'threads_user')),
    is_root boolean NOT NULL,
    subject_id text NOT NULL,
    subject_name text,
    version integer NOT NULL,
    secret_id text COLLATE "C",
    token_hash bytea,
    scopes text[] NOT NULL,
    issued_at timestamptz,
    expires_at timestamptz,
    health text NOT NULL CHECK (health IN ('healthy', 'expiring', 'invalid', 'unknown')),
    failure json,
    failure_attempts integer NOT NULL DEFAULT 0,
    last_refreshed_at timestamptz,
    last_checked_at timestamptz,
    refresh_after timestamptz,
    refresh_due_at timestamptz,
    check_due_at timestamptz,
    claim_id text,
    claimed_until timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    UNIQUE (connection_id, kind, subject_id)
  )`,
  `CREATE UNIQUE INDEX credential_root ON credential (connection_id) WHERE is_root`,
  `CREATE INDEX credential_refresh_due ON credential (refresh_due_at) WHERE refresh_due_at IS NOT NULL`,
  `CREATE INDEX credential_check_due ON credential (check_due_at) WHERE check_due_at IS NOT NULL`,
  // Versions not in use: pending (returned by Meta, not yet inspected) or previous (kept until the next one is proven).
  `CREATE TABLE credential_version (
    credential_id text COLLATE "C" NOT NULL REFERENCES credential (id),
    version integer NOT NULL,
    state text NOT NULL CHECK (state IN ('pending', 'previous')),
    secret_id text COLLATE "C" NOT NULL,
    token_hash bytea NOT NULL,
    expires_at timestamptz,
    claim_id text,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (credential_id, version)
  )`,
  `CREATE INDEX credential_version_previous ON credential_version (created_at) WHERE state = 'previous'`,
  `CREATE TABLE asset (
    connection_id text COLLATE "C" NOT NULL REFERENCES connection (id),
    type text NOT NULL CHECK (type IN ('page', 'instagram_account', 'whatsapp_business_account', 'phone_number', 'ad_account')),
    id text NOT NULL,
    name text,
    credential_id text COLLATE "C" NOT NULL REFERENCES credential (id),
    parent_id text,
    PRIMARY KEY (connection_id, type, id)
  )`,
  `CREATE INDEX asset_id ON asset (id)`,
  // The token kept after a revocation, only for revoking it at Meta.
  `CREATE TABLE provider_revocation (
    connection_id text COLLATE "C" PRIMARY KEY REFERENCES connection (id),
    credential_id text COLLATE "C" NOT NULL REFERENCES credential (id),
    version integer NOT NULL,
    secret_id text COLLATE "C",
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz,
    claim_id text,
    claimed_until timestamptz,
    updated_at timestamptz NOT NULL
  )`,
  `CREATE INDEX provider_revocation_due ON provider_revocation (next_attempt_at) WHERE next_attempt_at IS NOT NULL`,
  // connect/
  `CREATE TABLE connect_session (
    id text COLLATE "C" PRIMARY KEY,
    token_hash bytea NOT NULL UNIQUE,
    tenant text NOT NULL,
    product text NOT NULL,
    flow text NOT NULL,
    scopes text[] NOT NULL,
    return_url text,
    client_id text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    connection_id text COLLATE "C",
    closed_at timestamptz
  )`,
  // A browser that opened a session. outcome: how its callback ended, for a repeat of the same callback.
  `CREATE TABLE connect_attempt (
    state_hash bytea PRIMARY KEY,
    session_id text COLLATE "C" NOT NULL REFERENCES connect_session (id) ON DELETE CASCADE,
    cookie_hash bytea NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    consumed_at timestamptz,
    connection_id text COLLATE "C",
    error text
  )`,
  `CREATE INDEX connect_attempt_session ON connect_attempt (session_id)`,
  // connections/: a token from Meta that has no connection yet. Sealed before Meta is called again.
  `CREATE TABLE token_intake (
    id text COLLATE "C" PRIMARY KEY,
    tenant text NOT NULL,
    product text NOT NULL,
    flow text NOT NULL,
    session_id text COLLATE "C",
    state_hash bytea,
    requested_by text COLLATE "C",
    stage text NOT NULL CHECK (stage IN ('exchanged', 'long_lived')),
    secret_id text COLLATE "C" NOT NULL,
    expires_at timestamptz,
    hints json NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL,
    claim_id text,
    claimed_until timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
  )`,
  `CREATE INDEX token_intake_due ON token_intake (next_attempt_at)`,
  // leases/
  `CREATE TABLE lease (
    id text COLLATE "C" PRIMARY KEY,
    secret_hash bytea,
    mode text NOT NULL CHECK (mode IN ('gateway', 'token')),
    client_id text COLLATE "C" NOT NULL,
    connection_id text COLLATE "C" NOT NULL,
    credential_id text COLLATE "C" NOT NULL,
    credential_version integer NOT NULL,
    tenant text NOT NULL,
    product text NOT NULL,
    asset_type text,
    asset_id text,
    issued_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz
  )`,
  `CREATE INDEX lease_connection ON lease (connection_id, expires_at)`,
];
