import type { MigrationInterface, QueryRunner } from 'typeorm';

/** More details of connections and assets, and doubts about single assets. */
export class ConnectionFacts1764000540000 implements MigrationInterface {
  name = 'ConnectionFacts1764000540000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX audit_entry_connect_failed');
    await runner.query('ALTER TABLE asset DROP COLUMN details, DROP COLUMN doubted_at');
    await runner.query('ALTER TABLE connection DROP COLUMN app_scoped_user_id');
  }
}

const UP = [
  // Instagram Login: webhooks name the account (1784…, meta_user_id), signed requests may name the app-scoped id
  // (docs/meta-facts.md#instagram-login).
  'ALTER TABLE connection ADD COLUMN app_scoped_user_id text',
  `CREATE INDEX connection_app_scoped_user ON connection (app_id, app_scoped_user_id) WHERE app_scoped_user_id IS NOT NULL`,
  // Currency, business, registration: details that only some asset types have.
  'ALTER TABLE asset ADD COLUMN details jsonb',
  // When Meta indicated that this asset may be out of reach, until that is checked.
  'ALTER TABLE asset ADD COLUMN doubted_at timestamptz',
  'CREATE INDEX asset_doubted ON asset (doubted_at) WHERE doubted_at IS NOT NULL',
  // For doctor, which checks the last days' failed logins.
  `CREATE INDEX audit_entry_connect_failed ON audit_entry (id) WHERE action = 'connect.failed'`,
];
