import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Meta apps in addition to the environment's, and which app a connect session is for. An existing installation has
 * none, and all its sessions are for the environment's app.
 */
export class MetaApps1764001180000 implements MigrationInterface {
  readonly name = 'MetaApps1764001180000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of DOWN) await runner.query(statement);
  }
}

/** To find the apps that have work due: one search per app. */
const INDEXES = [
  'credential_refresh_app ON credential (app_id, refresh_due_at) WHERE refresh_due_at IS NOT NULL',
  'credential_rotation_app ON credential (app_id, rotation_due_at) WHERE rotation_due_at IS NOT NULL',
  'credential_check_app ON credential (app_id, check_due_at) WHERE check_due_at IS NOT NULL',
  `connection_discovery_app ON connection (app_id, next_discovery_at) WHERE status = 'active' AND next_discovery_at IS NOT NULL`,
];

const UP: readonly string[] = [
  `CREATE TABLE meta_app (
    app_id text COLLATE "C" PRIMARY KEY,
    name text NOT NULL,
    tenants text[] NOT NULL,
    instagram_app_id text COLLATE "C",
    threads_app_id text COLLATE "C",
    login_config_ids jsonb NOT NULL,
    graph_api_version text,
    secret_ids jsonb NOT NULL,
    previous_secret_until timestamptz,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    mac bytea)`,
  'CREATE UNIQUE INDEX meta_app_instagram ON meta_app (instagram_app_id) WHERE instagram_app_id IS NOT NULL',
  'CREATE UNIQUE INDEX meta_app_threads ON meta_app (threads_app_id) WHERE threads_app_id IS NOT NULL',
  'CREATE INDEX meta_app_tenants ON meta_app USING gin (tenants)',
  `CREATE TABLE app_failure (
    app_id text PRIMARY KEY,
    code text NOT NULL,
    failing_since timestamptz NOT NULL)`,
  ...INDEXES.map((index) => `CREATE INDEX ${index}`),
  // Last, because these tables are locked from here to the commit.
  'ALTER TABLE connect_session ADD COLUMN app_id text',
  'ALTER TABLE event ADD COLUMN app_id text',
];

const DOWN: readonly string[] = [
  ...INDEXES.map((index) => `DROP INDEX ${index.slice(0, index.indexOf(' '))}`),
  'ALTER TABLE event DROP COLUMN app_id',
  'ALTER TABLE connect_session DROP COLUMN app_id',
  'DROP TABLE app_failure',
  'DROP TABLE meta_app',
];
