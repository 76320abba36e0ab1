import type { MigrationInterface, QueryRunner } from 'typeorm';

/** For `expires_before` of lists: the connections whose access to the user's data ends first. */
export class DataAccessExpiry1764001330000 implements MigrationInterface {
  readonly name = 'DataAccessExpiry1764001330000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE INDEX connection_data_access_expiry ON connection (data_access_expires_at, id)
      WHERE data_access_expires_at IS NOT NULL`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX connection_data_access_expiry');
  }
}
