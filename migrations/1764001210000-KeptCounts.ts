import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * For people who see everything: counts that are maintained instead of computed for each view, outcomes of background
 * work by day, and indexes for their searches of connections.
 */
export class KeptCounts1764001210000 implements MigrationInterface {
  readonly name = 'KeptCounts1764001210000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of DOWN) await runner.query(statement);
  }
}

/** Names and tenants are compared in lower case and byte by byte, so that a prefix is one range. */
const INDEXES = [
  `connection_tenant_search ON connection (lower(tenant) COLLATE "C", id)`,
  'connection_meta_user_id ON connection (meta_user_id, id)',
  'connection_product ON connection (product, id)',
  `connection_status ON connection (status, id) WHERE status <> 'active'`,
  `connection_reason ON connection ((status_reason->>'code'), id) WHERE status_reason IS NOT NULL`,
  `asset_name_search ON asset (lower(name) COLLATE "C", connection_id) WHERE name IS NOT NULL`,
];

const UP: readonly string[] = [
  // scope: whose connections, as a hash of the tenants; empty: all.
  `CREATE TABLE connection_count (
    scope text COLLATE "C" PRIMARY KEY,
    counts json NOT NULL,
    counted_at timestamptz NOT NULL,
    duration_ms integer NOT NULL
  )`,
  // tenant '': the sum of all, so that a client that sees all reads only a few rows.
  `CREATE TABLE lifecycle_activity (
    tenant text COLLATE "C" NOT NULL,
    day date NOT NULL,
    product text COLLATE "C" NOT NULL,
    activity text COLLATE "C" NOT NULL CHECK (activity IN ('renewal', 'inspection')),
    outcome text COLLATE "C" NOT NULL CHECK (outcome IN ('succeeded', 'failed')),
    count bigint NOT NULL,
    PRIMARY KEY (tenant, day, product, activity, outcome)
  )`,
  'CREATE INDEX lifecycle_activity_day ON lifecycle_activity (day)',
  ...INDEXES.map((index) => `CREATE INDEX ${index}`),
];

const DOWN: readonly string[] = [
  ...INDEXES.map((index) => `DROP INDEX ${index.slice(0, index.indexOf(' '))}`),
  'DROP TABLE lifecycle_activity',
  'DROP TABLE connection_count',
];
