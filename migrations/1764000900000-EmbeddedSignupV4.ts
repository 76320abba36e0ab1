import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Embedded Signup: a session's options and progress, and signups whose browser lost the code. An account that Meta
 * announces and that no connection has waits in `announced_account` until it is decided on.
 */
export class EmbeddedSignupV41764000900000 implements MigrationInterface {
  name = 'EmbeddedSignupV41764000900000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `ALTER TABLE connect_session
        ADD COLUMN feature_type text,
        ADD COLUMN features text[],
        ADD COLUMN progress jsonb,
        ADD COLUMN unfinished jsonb`,
    );
    await runner.query('ALTER TABLE connect_attempt ADD COLUMN reported jsonb');
    await runner.query('CREATE INDEX connect_session_created ON connect_session (created_at)');
    await runner.query(
      `CREATE TABLE announced_account (
        waba_id text COLLATE "C" PRIMARY KEY,
        business_id text COLLATE "C",
        announced_at timestamptz NOT NULL,
        due_at timestamptz,
        reported_at timestamptz
      )`,
    );
    await runner.query('CREATE INDEX announced_account_due ON announced_account (due_at) WHERE due_at IS NOT NULL');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE announced_account');
    await runner.query('DROP INDEX connect_session_created');
    await runner.query('ALTER TABLE connect_attempt DROP COLUMN reported');
    await runner.query(
      `ALTER TABLE connect_session
        DROP COLUMN feature_type, DROP COLUMN features, DROP COLUMN progress, DROP COLUMN unfinished`,
    );
  }
}
