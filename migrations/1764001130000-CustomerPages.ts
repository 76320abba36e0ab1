import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The language of a connect session's pages, and the page that receives its result. */
export class CustomerPages1764001130000 implements MigrationInterface {
  readonly name = 'CustomerPages1764001130000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE connect_session ADD COLUMN locale text, ADD COLUMN origin text');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE connect_session DROP COLUMN locale, DROP COLUMN origin');
  }
}
