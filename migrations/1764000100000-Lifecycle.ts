import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * For the token lifecycle: due queries that are one index range per app in order of expiry, scopes of a response that
 * is not yet inspected, sent expiry notices, and each app's rate limit, shared by all replicas.
 */
export class Lifecycle1764000100000 implements MigrationInterface {
  name = 'Lifecycle1764000100000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of DOWN) await runner.query(statement);
  }
}

const UP = [
  // refresh_after orders by expiry and is not moved by failures; refresh_due_at (back-off) is filtered inside the
  // index.
  'DROP INDEX credential_refresh_due',
  `CREATE INDEX credential_refresh_due ON credential (app_id, refresh_after, refresh_due_at) WHERE refresh_due_at IS NOT NULL`,
  'DROP INDEX credential_check_due',
  `CREATE INDEX credential_check_due ON credential (app_id, check_due_at) WHERE check_due_at IS NOT NULL`,
  // Null: the response did not report scopes.
  'ALTER TABLE credential_version ADD COLUMN scopes text[]',
  // The last expiry notice, and the expiry that it was about.
  'ALTER TABLE credential ADD COLUMN expiry_noticed_for timestamptz, ADD COLUMN expiry_noticed_days smallint',
  // When the next notice about data_access_expires_at is due; null: no more notices.
  'ALTER TABLE connection ADD COLUMN expiry_notice_due_at timestamptz',
  `UPDATE connection SET expiry_notice_due_at = data_access_expires_at - interval '336 hours'
    WHERE status = 'active' AND data_access_expires_at IS NOT NULL`,
  `CREATE INDEX connection_expiry_notice ON connection (expiry_notice_due_at) WHERE expiry_notice_due_at IS NOT NULL`,
  `CREATE TABLE meta_app_pace (
    app_id text PRIMARY KEY,
    usage_percent real NOT NULL DEFAULT 0,
    usage_at timestamptz,
    stopped_until timestamptz,
    stop_cause text CHECK (stop_cause IN ('throttled', 'usage')),
    throttles integer NOT NULL DEFAULT 0,
    breaker text NOT NULL DEFAULT 'closed' CHECK (breaker IN ('closed', 'open')),
    breaker_until timestamptz,
    openings integer NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL
  )`,
];

const DOWN = [
  'DROP TABLE meta_app_pace',
  'ALTER TABLE connection DROP COLUMN expiry_notice_due_at',
  'ALTER TABLE credential DROP COLUMN expiry_noticed_for, DROP COLUMN expiry_noticed_days',
  'ALTER TABLE credential_version DROP COLUMN scopes',
  'DROP INDEX credential_check_due',
  `CREATE INDEX credential_check_due ON credential (check_due_at) WHERE check_due_at IS NOT NULL`,
  'DROP INDEX credential_refresh_due',
  `CREATE INDEX credential_refresh_due ON credential (refresh_due_at) WHERE refresh_due_at IS NOT NULL`,
];
