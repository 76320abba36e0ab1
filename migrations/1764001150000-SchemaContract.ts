import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Migrations expand the schema. A migration that contracts it, so that releases without the migration `needs` no longer
 * work, adds a row here: replicas of those releases then report this instead of failing at statements.
 */
export class SchemaContract1764001150000 implements MigrationInterface {
  readonly name = 'SchemaContract1764001150000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE schema_contract (
      migration text PRIMARY KEY,
      needs text NOT NULL
    )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE schema_contract');
  }
}
