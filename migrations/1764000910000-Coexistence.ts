import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Numbers of WhatsApp Business app users: when to announce the end of synchronization, and why to inspect an account.
 */
export class Coexistence1764000910000 implements MigrationInterface {
  name = 'Coexistence1764000910000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX asset_synchronization_notice');
    await runner.query('ALTER TABLE asset DROP COLUMN synchronization_notice_due_at, DROP COLUMN verification_reason');
  }
}

const UP = [
  // Null: no synchronization to announce, or already announced.
  'ALTER TABLE asset ADD COLUMN synchronization_notice_due_at timestamptz',
  `CREATE INDEX asset_synchronization_notice ON asset (synchronization_notice_due_at) WHERE synchronization_notice_due_at IS NOT NULL`,
  // What Meta reported about an asset that awaits verification, as a status reason code.
  'ALTER TABLE asset ADD COLUMN verification_reason text',
];
