import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Long stops: when they began, until when the app's own limit lasts, and when the next refresh may run anyway. */
export class PaceTurns1764000710000 implements MigrationInterface {
  name = 'PaceTurns1764000710000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE meta_app_pace
      ADD COLUMN stopped_since timestamptz, ADD COLUMN app_stopped_until timestamptz, ADD COLUMN next_turn_at timestamptz`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      'ALTER TABLE meta_app_pace DROP COLUMN stopped_since, DROP COLUMN app_stopped_until, DROP COLUMN next_turn_at',
    );
  }
}
