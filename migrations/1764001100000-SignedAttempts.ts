import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Attempts whose cookie has a MAC need no row; those of the previous release do, so their rows stay. */
export class SignedAttempts1764001100000 implements MigrationInterface {
  readonly name = 'SignedAttempts1764001100000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE connect_attempt ADD COLUMN is_signed boolean NOT NULL DEFAULT false');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE connect_attempt DROP COLUMN is_signed');
  }
}
