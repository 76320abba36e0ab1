import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The app that Meta announced an account to. Null: the environment's, as in the previous release. */
export class AnnouncedAccountApps1764001240000 implements MigrationInterface {
  readonly name = 'AnnouncedAccountApps1764001240000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE announced_account ADD COLUMN app_id text');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE announced_account DROP COLUMN app_id');
  }
}
