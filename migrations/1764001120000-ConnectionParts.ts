import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Credentials of a connection in the order of their ids (the first few, or a page, without reading thousands), and those
 * that are not healthy.
 */
export class ConnectionParts1764001120000 implements MigrationInterface {
  readonly name = 'ConnectionParts1764001120000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE INDEX credential_connection ON credential (connection_id, id)');
    await runner.query(
      `CREATE INDEX credential_unhealthy ON credential (health, connection_id) WHERE health <> 'healthy'`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX credential_unhealthy');
    await runner.query('DROP INDEX credential_connection');
  }
}
