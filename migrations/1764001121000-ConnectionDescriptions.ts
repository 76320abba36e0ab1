import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The product's own description of a connection: as given to a session, as the connection has it, and as it was when an
 * event happened. Null: a session without one, or an event without a connection or of the previous release.
 */
export class ConnectionDescriptions1764001121000 implements MigrationInterface {
  readonly name = 'ConnectionDescriptions1764001121000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `ALTER TABLE connection ADD COLUMN reference text, ADD COLUMN metadata json NOT NULL DEFAULT '{}'`,
    );
    await runner.query('CREATE INDEX connection_reference ON connection (reference, id) WHERE reference IS NOT NULL');
    await runner.query('ALTER TABLE connect_session ADD COLUMN reference text, ADD COLUMN metadata json');
    await runner.query('ALTER TABLE event ADD COLUMN reference text, ADD COLUMN metadata json');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE event DROP COLUMN reference, DROP COLUMN metadata');
    await runner.query('ALTER TABLE connect_session DROP COLUMN reference, DROP COLUMN metadata');
    await runner.query('ALTER TABLE connection DROP COLUMN reference, DROP COLUMN metadata');
  }
}
