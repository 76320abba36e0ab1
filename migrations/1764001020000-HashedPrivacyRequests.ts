import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Stores keyed hashes of payloads and confirmation codes of privacy requests, and the user's id sealed until
 * completion. Only the service has the key, so it hashes existing rows (`is_hashed` false).
 */
export class HashedPrivacyRequests1764001020000 implements MigrationInterface {
  name = 'HashedPrivacyRequests1764001020000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of DOWN) await runner.query(statement);
  }
}

const UP = [
  `ALTER TABLE privacy_request ADD COLUMN is_hashed boolean NOT NULL DEFAULT false,
    ADD COLUMN code_hash bytea CONSTRAINT privacy_request_code_hash_key UNIQUE,
    ADD COLUMN user_secret_id text COLLATE "C"`,
  `ALTER TABLE privacy_request DROP CONSTRAINT privacy_request_check, DROP CONSTRAINT privacy_request_check1,
    ADD CONSTRAINT privacy_request_code_check
      CHECK ((kind = 'data_deletion') = (confirmation_code IS NOT NULL OR code_hash IS NOT NULL)),
    ADD CONSTRAINT privacy_request_user_check
      CHECK (completed_at IS NOT NULL OR meta_user_id IS NOT NULL OR user_secret_id IS NOT NULL)`,
  'CREATE INDEX privacy_request_not_hashed ON privacy_request (received_at) WHERE NOT is_hashed',
];

const DOWN = [
  // Without the key, nothing shows whose requests these are.
  'DELETE FROM sealed_secret WHERE id IN (SELECT user_secret_id FROM privacy_request WHERE user_secret_id IS NOT NULL)',
  'DELETE FROM privacy_request WHERE is_hashed',
  `ALTER TABLE privacy_request DROP CONSTRAINT privacy_request_code_check, DROP CONSTRAINT privacy_request_user_check,
    ADD CONSTRAINT privacy_request_check CHECK ((kind = 'data_deletion') = (confirmation_code IS NOT NULL)),
    ADD CONSTRAINT privacy_request_check1 CHECK ((completed_at IS NULL) = (meta_user_id IS NOT NULL))`,
  'DROP INDEX privacy_request_not_hashed',
  'ALTER TABLE privacy_request DROP COLUMN is_hashed, DROP COLUMN code_hash, DROP COLUMN user_secret_id',
];
