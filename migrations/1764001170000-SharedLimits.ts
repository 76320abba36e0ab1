import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What each replica counted toward limits that apply to all replicas together. Unlogged: written several times a
 * second, worthless after a minute, and empty after a crash or a failover.
 */
export class SharedLimits1764001170000 implements MigrationInterface {
  name = 'SharedLimits1764001170000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE UNLOGGED TABLE shared_limit (
      name text NOT NULL,
      replica text NOT NULL,
      period bigint NOT NULL,
      granted integer NOT NULL,
      wanted integer NOT NULL,
      granted_before integer NOT NULL,
      wanted_before integer NOT NULL,
      updated_at timestamptz NOT NULL,
      PRIMARY KEY (name, replica)
    ) WITH (fillfactor = 50)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE shared_limit');
  }
}
