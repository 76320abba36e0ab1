import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Rotation of system users' tokens: requests, pending versions that come from one, and tokens still to be revoked at
 * Meta because they were replaced or will never be used.
 */
export class SystemUserRotation1764000930000 implements MigrationInterface {
  name = 'SystemUserRotation1764000930000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of DOWN) await runner.query(statement);
  }
}

const UP = [
  // rotation_due_at: when to start or continue a requested rotation. rotation_expires: the requested lifetime.
  'ALTER TABLE credential ADD COLUMN rotation_due_at timestamptz, ADD COLUMN rotation_expires boolean',
  'CREATE INDEX credential_rotation_due ON credential (app_id, rotation_due_at) WHERE rotation_due_at IS NOT NULL',
  // Whether a token is in use anywhere, checked before it is revoked at Meta.
  'CREATE INDEX credential_token_hash ON credential (token_hash) WHERE token_hash IS NOT NULL',
  `ALTER TABLE credential_version ADD COLUMN origin text NOT NULL DEFAULT 'refresh'
    CONSTRAINT credential_version_origin_check CHECK (origin IN ('refresh', 'rotation'))`,
  // Does not reference credential: the token must be revoked even if its credential is removed.
  `CREATE TABLE token_revocation (
    secret_id text COLLATE "C" PRIMARY KEY,
    tenant text NOT NULL,
    product text NOT NULL,
    connection_id text COLLATE "C" NOT NULL REFERENCES connection (id),
    credential_id text COLLATE "C" NOT NULL,
    app_id text NOT NULL,
    kind text NOT NULL,
    version integer NOT NULL,
    token_hash bytea NOT NULL,
    waits_for_leases boolean NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL,
    claim_id text,
    claimed_until timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
  )`,
  'CREATE INDEX token_revocation_due ON token_revocation (next_attempt_at)',
  'CREATE INDEX token_revocation_connection ON token_revocation (connection_id)',
  'CREATE INDEX token_revocation_token_hash ON token_revocation (token_hash)',
];

const DOWN = [
  'DELETE FROM sealed_secret WHERE id IN (SELECT secret_id FROM token_revocation)',
  'DROP TABLE token_revocation',
  'ALTER TABLE credential_version DROP COLUMN origin',
  'DROP INDEX credential_token_hash',
  'DROP INDEX credential_rotation_due',
  'ALTER TABLE credential DROP COLUMN rotation_due_at, DROP COLUMN rotation_expires',
];
