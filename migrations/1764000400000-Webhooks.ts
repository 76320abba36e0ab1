import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Incoming webhooks: what has been received, and users' requests that Meta relays. */
export class Webhooks1764000400000 implements MigrationInterface {
  name = 'Webhooks1764000400000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX event_relayed_connection');
    await runner.query('DROP TABLE webhook_entry, person_request');
  }
}

const UP = [
  // One entry of a delivery, by its content. Its text is in its events, one per connection concerned.
  `CREATE TABLE webhook_entry (
    hash bytea PRIMARY KEY,
    object text NOT NULL,
    -- The user concerned by an entry without a connection, and the event that holds it, for erasure.
    meta_user_id text,
    event_id text COLLATE "C",
    received_at timestamptz NOT NULL
  )`,
  'CREATE INDEX webhook_entry_received ON webhook_entry (received_at)',
  'CREATE INDEX webhook_entry_person ON webhook_entry (meta_user_id) WHERE meta_user_id IS NOT NULL',
  // For erasing what Meta reported about one connection.
  `CREATE INDEX event_relayed_connection ON event (connection_id) WHERE type = 'meta.webhook' AND connection_id IS NOT NULL`,
  // A signed_request, by its payload. Holds the user's id only until it is processed.
  `CREATE TABLE person_request (
    id text COLLATE "C" PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('deauthorize', 'data_deletion')),
    payload_hash bytea NOT NULL,
    confirmation_code text UNIQUE,
    app_ids text[] NOT NULL,
    meta_user_id text,
    issued_at timestamptz,
    request_id text,
    received_at timestamptz NOT NULL,
    completed_at timestamptz,
    UNIQUE (kind, payload_hash),
    CHECK ((kind = 'data_deletion') = (confirmation_code IS NOT NULL)),
    CHECK ((completed_at IS NULL) = (meta_user_id IS NOT NULL))
  )`,
  'CREATE INDEX person_request_open ON person_request (received_at) WHERE completed_at IS NULL',
];
