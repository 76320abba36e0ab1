import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Clients that administer the apps and connections of their tenants. */
export class TenantAdmins1764001230000 implements MigrationInterface {
  readonly name = 'TenantAdmins1764001230000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE client DROP CONSTRAINT client_role_check');
    await runner.query(
      `ALTER TABLE client ADD CONSTRAINT client_role_check CHECK (role IN ('service', 'admin', 'auditor', 'tenant_admin'))`,
    );
  }

  /** The previous release has no such role, so these clients are removed. */
  async down(runner: QueryRunner): Promise<void> {
    const those = `SELECT id FROM client WHERE role = 'tenant_admin'`;
    await runner.query(`DELETE FROM client_key WHERE client_id IN (${those})`);
    await runner.query(`DELETE FROM client_identity WHERE client_id IN (${those})`);
    await runner.query(`DELETE FROM client WHERE id IN (${those})`);
    await runner.query('ALTER TABLE client DROP CONSTRAINT client_role_check');
    await runner.query(
      `ALTER TABLE client ADD CONSTRAINT client_role_check CHECK (role IN ('service', 'admin', 'auditor'))`,
    );
  }
}
