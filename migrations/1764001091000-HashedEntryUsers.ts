import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Identifies the user of an entry by a keyed hash. Only the service has the key, so it hashes existing ids in the
 * background.
 */
export class HashedEntryUsers1764001091000 implements MigrationInterface {
  readonly name = 'HashedEntryUsers1764001091000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE webhook_entry ADD COLUMN user_hash bytea');
    await runner.query('CREATE INDEX webhook_entry_user_hash ON webhook_entry (user_hash) WHERE user_hash IS NOT NULL');
  }

  async down(runner: QueryRunner): Promise<void> {
    // The `down` of the previous migration erases the events of these entries.
    await runner.query('DROP INDEX webhook_entry_user_hash');
    await runner.query('ALTER TABLE webhook_entry DROP COLUMN user_hash');
  }
}
