import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Assets that Meta gives no token for have no credential. Connections are checked weekly for new and lost assets;
 * existing ones are spread over the first week.
 */
export class ReachedAssets1764000920000 implements MigrationInterface {
  name = 'ReachedAssets1764000920000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE asset ALTER COLUMN credential_id DROP NOT NULL');
    // Without it, removing a credential reads all assets to find references to it.
    await runner.query('CREATE INDEX asset_credential ON asset (credential_id)');
    await runner.query('ALTER TABLE connection ADD COLUMN next_discovery_at timestamptz');
    await runner.query(
      `UPDATE connection SET next_discovery_at = now() + random() * interval '7 days' WHERE status <> 'revoked'`,
    );
    await runner.query(
      `CREATE INDEX connection_discovery_due ON connection (app_id, next_discovery_at) WHERE status = 'active'`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX connection_discovery_due');
    await runner.query('ALTER TABLE connection DROP COLUMN next_discovery_at');
    await runner.query('DROP INDEX asset_credential');
    await runner.query('DELETE FROM asset WHERE credential_id IS NULL');
    await runner.query('ALTER TABLE asset ALTER COLUMN credential_id SET NOT NULL');
  }
}
