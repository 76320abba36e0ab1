import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The API version that Meta last served to any replica: Meta replaces an ended version without an error. */
export class ServedVersions1764000970000 implements MigrationInterface {
  name = 'ServedVersions1764000970000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE served_version (
      app_id text NOT NULL,
      host text NOT NULL,
      asked text NOT NULL,
      served text NOT NULL,
      served_at timestamptz NOT NULL,
      PRIMARY KEY (app_id, host, asked)
    )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE served_version');
  }
}
