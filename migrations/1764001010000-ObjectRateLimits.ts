import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Limits of single objects get their own table and no longer stop an app. `app_rate_limit.app_stopped_until` is no
 * longer read; it remains for replicas of the previous release, which write it during an upgrade.
 */
export class ObjectRateLimits1764001010000 implements MigrationInterface {
  readonly name = 'ObjectRateLimits1764001010000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE object_rate_limit (
      app_id text NOT NULL,
      object_id text NOT NULL,
      scope text NOT NULL,
      stopped_until timestamptz NOT NULL,
      PRIMARY KEY (app_id, object_id)
    )`);
    await runner.query('CREATE INDEX object_rate_limit_stopped_until ON object_rate_limit (stopped_until)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE object_rate_limit');
  }
}
