import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Answers to requests with an `Idempotency-Key`, so that a repeat gets the first answer. */
export class IdempotencyKeys1764001110000 implements MigrationInterface {
  readonly name = 'IdempotencyKeys1764001110000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE idempotency_key (
      key_hash bytea PRIMARY KEY,
      client_id text NOT NULL,
      body_hash bytea NOT NULL,
      secret_id text,
      resource_id text,
      running_until timestamptz,
      created_at timestamptz NOT NULL
    )`);
    await runner.query('CREATE INDEX idempotency_key_created_at ON idempotency_key (created_at)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DELETE FROM sealed_secret s USING idempotency_key k WHERE k.secret_id = s.id');
    await runner.query('DROP TABLE idempotency_key');
  }
}
