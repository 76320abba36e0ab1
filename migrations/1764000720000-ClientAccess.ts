import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What a client may call and from where, who it is without a key, and when it and its keys were last used. */
export class ClientAccess1764000720000 implements MigrationInterface {
  name = 'ClientAccess1764000720000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE client
      ADD COLUMN allow jsonb,
      ADD COLUMN ip_allow_list text[],
      ADD COLUMN policy_version integer NOT NULL DEFAULT 1,
      ADD COLUMN last_used_at timestamptz`);
    await runner.query('ALTER TABLE client_key ADD COLUMN last_used_at timestamptz');
    // JWTs that a client may use instead of a key. Each identity belongs to one client.
    await runner.query(`CREATE TABLE client_identity (
      issuer text NOT NULL,
      subject text NOT NULL,
      audience text NOT NULL,
      client_id text COLLATE "C" NOT NULL REFERENCES client (id),
      PRIMARY KEY (issuer, subject, audience)
    )`);
    await runner.query('CREATE INDEX client_identity_client ON client_identity (client_id)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE client_identity');
    await runner.query('ALTER TABLE client_key DROP COLUMN last_used_at');
    await runner.query(`ALTER TABLE client
      DROP COLUMN allow, DROP COLUMN ip_allow_list, DROP COLUMN policy_version, DROP COLUMN last_used_at`);
  }
}
