import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What Meta sent is stored sealed in `event.payload` instead of `data`, under a key per tenant and day. Only the
 * service has the keys, so it seals existing rows in the background. A relayed event without both has lost its payload.
 */
export class SealedPayloads1764001090000 implements MigrationInterface {
  readonly name = 'SealedPayloads1764001090000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of DOWN) await runner.query(statement);
  }
}

const UP = [
  // tenant: empty for payloads that belong to none.
  `CREATE TABLE payload_key (
    id text COLLATE "C" PRIMARY KEY,
    tenant text NOT NULL,
    day date NOT NULL,
    secret_id text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL,
    UNIQUE (tenant, day)
  )`,
  'CREATE INDEX payload_key_day ON payload_key (day, id)',
  `ALTER TABLE event ALTER COLUMN data DROP NOT NULL,
    ADD COLUMN payload bytea,
    ADD COLUMN payload_key_id text COLLATE "C",
    ADD CONSTRAINT event_payload_check
      CHECK ((payload IS NULL) = (payload_key_id IS NULL) AND (payload IS NULL OR data IS NULL))`,
  'CREATE INDEX event_payload_key ON event (payload_key_id) WHERE payload_key_id IS NOT NULL',
  `CREATE INDEX event_not_sealed ON event (id) WHERE type = 'meta.webhook' AND data IS NOT NULL`,
];

const DOWN = [
  // These can no longer be opened.
  `UPDATE event SET data = '{"erased":true}', payload = NULL, payload_key_id = NULL WHERE data IS NULL`,
  'DELETE FROM sealed_secret WHERE id IN (SELECT secret_id FROM payload_key)',
  'DROP INDEX event_not_sealed',
  'DROP INDEX event_payload_key',
  `ALTER TABLE event DROP CONSTRAINT event_payload_check, DROP COLUMN payload, DROP COLUMN payload_key_id,
    ALTER COLUMN data SET NOT NULL`,
  'DROP TABLE payload_key',
];
