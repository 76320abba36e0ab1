import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Leases of a client, newest first. New index entries go to the end of their client's range, so issuing a lease costs
 * hardly more. Uses an expression instead of the id, so that statements that know the id (each call at the gateway)
 * still use the primary key.
 */
export class LeaseLists1764001122000 implements MigrationInterface {
  readonly name = 'LeaseLists1764001122000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query("CREATE INDEX lease_client ON lease (client_id, (id || ''))");
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX lease_client');
  }
}
