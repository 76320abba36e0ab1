import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Rows that decide access get a MAC of 16 bytes. Existing rows get theirs at the next start, because a migration has no
 * keys; after that, `row_mac_requirement`, with one row per table, states that rows without a MAC are forged.
 */
export class RowMacs1764001060000 implements MigrationInterface {
  readonly name = 'RowMacs1764001060000';

  async up(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) await runner.query(`ALTER TABLE ${table} ADD COLUMN mac bytea`);
    await runner.query(`CREATE TABLE row_mac_requirement (
      table_name text COLLATE "C" PRIMARY KEY,
      required_since timestamptz NOT NULL,
      mac bytea NOT NULL
    )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE row_mac_requirement');
    for (const table of TABLES) await runner.query(`ALTER TABLE ${table} DROP COLUMN mac`);
  }
}

const TABLES = ['client', 'client_key', 'client_identity', 'lease'];
