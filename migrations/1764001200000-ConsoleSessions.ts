import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Sessions of people in the console, links that sign in once, and people as actors of the audit record. */
export class ConsoleSessions1764001200000 implements MigrationInterface {
  readonly name = 'ConsoleSessions1764001200000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of DOWN) await runner.query(statement);
  }
}

const ACTORS = "'client', 'browser', 'meta', 'operator', 'system'";

/** Not validated under this lock: the next migration reads the entries. */
const actorCheck = (kinds: string): string =>
  `ALTER TABLE audit_entry DROP CONSTRAINT audit_entry_actor_kind_check,
    ADD CONSTRAINT audit_entry_actor_kind_check CHECK (actor_kind IN (${kinds})) NOT VALID`;

const UP: readonly string[] = [
  `CREATE TABLE console_session (
    id text COLLATE "C" PRIMARY KEY,
    hash bytea NOT NULL UNIQUE,
    method text NOT NULL CHECK (method IN ('key', 'link', 'oidc')),
    subject text NOT NULL,
    name text NOT NULL,
    role text NOT NULL,
    tenants text[] NOT NULL,
    client_id text COLLATE "C",
    key_hash bytea,
    created_at timestamptz NOT NULL,
    authenticated_at timestamptz,
    last_seen_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    mac bytea)`,
  'CREATE INDEX console_session_expiry ON console_session (expires_at)',
  `CREATE TABLE console_sign_in_link (
    id text COLLATE "C" PRIMARY KEY,
    hash bytea NOT NULL UNIQUE,
    name text NOT NULL,
    client_id text COLLATE "C",
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    mac bytea)`,
  'CREATE INDEX console_sign_in_link_expiry ON console_sign_in_link (expires_at)',
  actorCheck(`${ACTORS}, 'person'`),
];

const DOWN: readonly string[] = [actorCheck(ACTORS), 'DROP TABLE console_sign_in_link', 'DROP TABLE console_session'];
