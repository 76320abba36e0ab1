import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which app Meta announced an account to. Null: the environment's, as the release before has it. */
export class AnnouncedAccountApps1764001240000 implements MigrationInterface {
  readonly name = 'AnnouncedAccountApps1764001240000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE announced_account ADD COLUMN app_id text');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE announced_account DROP COLUMN app_id');
  }
}
