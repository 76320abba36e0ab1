import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Gives each new audit entry a MAC as it is written, so that none can be inserted by hand before it is chained. Earlier
 * entries have none: their chain covers them. The chain may also begin at a checkpoint instead of its first link.
 */
export class AuditProofs1764000550000 implements MigrationInterface {
  name = 'AuditProofs1764000550000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE audit_entry ADD COLUMN mac bytea');
    await runner.query('ALTER TABLE audit_head ADD COLUMN macs_from text COLLATE "C"');
    await runner.query(`CREATE TABLE audit_checkpoint (
      id smallint PRIMARY KEY CHECK (id = 1),
      position bigint NOT NULL,
      mac bytea NOT NULL,
      macs_from text COLLATE "C",
      seal bytea NOT NULL
    )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE audit_checkpoint');
    await runner.query('ALTER TABLE audit_head DROP COLUMN macs_from');
    await runner.query('ALTER TABLE audit_entry DROP COLUMN mac');
  }
}
