import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The account a connect session is for, and whether its link shows a page with the tenant's name before the dialog. */
export class BoundConnectLinks1764001030000 implements MigrationInterface {
  readonly name = 'BoundConnectLinks1764001030000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `ALTER TABLE connect_session
        ADD COLUMN expected jsonb,
        ADD COLUMN confirm boolean NOT NULL DEFAULT false,
        ADD COLUMN tenant_name text`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      'ALTER TABLE connect_session DROP COLUMN expected, DROP COLUMN confirm, DROP COLUMN tenant_name',
    );
  }
}
