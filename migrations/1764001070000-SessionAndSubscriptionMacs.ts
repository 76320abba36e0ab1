import type { MigrationInterface, QueryRunner } from 'typeorm';

const TABLES = ['connect_session', 'subscription', 'privacy_request'];

/**
 * The MACs of connect sessions, subscriptions and privacy requests. Only the service has the key, so it adds the MACs
 * of existing rows.
 */
export class SessionAndSubscriptionMacs1764001070000 implements MigrationInterface {
  readonly name = 'SessionAndSubscriptionMacs1764001070000';

  async up(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) await runner.query(`ALTER TABLE ${table} ADD COLUMN mac bytea`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) await runner.query(`ALTER TABLE ${table} DROP COLUMN mac`);
  }
}
