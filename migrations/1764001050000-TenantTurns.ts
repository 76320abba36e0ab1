import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Due work is claimed with tenants taking turns, so its indexes begin with app and tenant: finding the tenants, and the
 * due work of one of them, are index searches, however much is due for another. A credential names its tenant, which
 * never changes. The default is for replicas of the previous release, which run alongside during an upgrade: all the
 * rows they insert share one turn.
 */
export class TenantTurns1764001050000 implements MigrationInterface {
  readonly name = 'TenantTurns1764001050000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of DOWN) await runner.query(statement);
  }
}

const DUE_BY_TIME = [
  'credential_refresh_due ON credential (app_id, refresh_after, refresh_due_at) WHERE refresh_due_at IS NOT NULL',
  `credential_ending ON credential (app_id, expires_at, refresh_after, refresh_due_at)
    WHERE refresh_due_at IS NOT NULL AND kind <> 'page'`,
  'credential_check_due ON credential (app_id, check_due_at) WHERE check_due_at IS NOT NULL',
  'credential_rotation_due ON credential (app_id, rotation_due_at) WHERE rotation_due_at IS NOT NULL',
  `connection_discovery_due ON connection (app_id, next_discovery_at) WHERE status = 'active'`,
];

/** The back-off (`refresh_due_at`) is filtered inside the index, as before. */
const DUE_BY_TENANT = [
  'credential_refresh_due ON credential (app_id, tenant, refresh_after, refresh_due_at) WHERE refresh_due_at IS NOT NULL',
  `credential_ending ON credential (app_id, tenant, expires_at, refresh_after, refresh_due_at)
    WHERE refresh_due_at IS NOT NULL AND kind <> 'page'`,
  'credential_check_due ON credential (app_id, tenant, check_due_at) WHERE check_due_at IS NOT NULL',
  'credential_rotation_due ON credential (app_id, tenant, rotation_due_at) WHERE rotation_due_at IS NOT NULL',
  `connection_discovery_due ON connection (app_id, tenant COLLATE "C", next_discovery_at) WHERE status = 'active'`,
  // For the sweeps that run every minute. Few rows, so that they need not read through what waits for the schedule.
  `credential_retry_due ON credential (app_id, tenant, refresh_after, refresh_due_at)
    WHERE refresh_due_at IS NOT NULL AND (failure_attempts > 0 OR claim_id IS NOT NULL OR kind = 'page')`,
  `credential_unverified_due ON credential (app_id, tenant, check_due_at) WHERE check_due_at IS NOT NULL AND health = 'unknown'`,
];

function nameOf(index: string): string {
  return index.slice(0, index.indexOf(' '));
}

const UP = [
  `ALTER TABLE credential ADD COLUMN tenant text COLLATE "C" NOT NULL DEFAULT ''`,
  ...DUE_BY_TIME.map((index) => `DROP INDEX ${nameOf(index)}`),
  'UPDATE credential c SET tenant = n.tenant FROM connection n WHERE n.id = c.connection_id',
  ...DUE_BY_TENANT.map((index) => `CREATE INDEX ${index}`),
];

const DOWN = [
  ...DUE_BY_TENANT.map((index) => `DROP INDEX ${nameOf(index)}`),
  ...DUE_BY_TIME.map((index) => `CREATE INDEX ${index}`),
  'ALTER TABLE credential DROP COLUMN tenant',
];
