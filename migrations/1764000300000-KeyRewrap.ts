import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Requested rewraps and their progress. The sealed secrets themselves show what remains. */
export class KeyRewrap1764000300000 implements MigrationInterface {
  name = 'KeyRewrap1764000300000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE key_rewrap (
      id smallint PRIMARY KEY CHECK (id = 1),
      state text NOT NULL CHECK (state IN ('running', 'done', 'incomplete')),
      total integer NOT NULL,
      rewrapped integer NOT NULL DEFAULT 0,
      unopenable integer NOT NULL DEFAULT 0,
      requested_at timestamptz NOT NULL,
      finished_at timestamptz,
      CHECK ((state = 'running') = (finished_at IS NULL))
    )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE key_rewrap');
  }
}
