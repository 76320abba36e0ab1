import type { MigrationInterface, QueryRunner } from 'typeorm';

/** For lists of connections by `expires_before`, which would otherwise read all credentials to find a few. */
export class CredentialExpiry1764001140000 implements MigrationInterface {
  readonly name = 'CredentialExpiry1764001140000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      'CREATE INDEX credential_expiry ON credential (expires_at, connection_id) WHERE expires_at IS NOT NULL',
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX credential_expiry');
  }
}
