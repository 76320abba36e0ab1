import fs from 'node:fs';
import type { EmbeddedPostgres } from '../../src/database/embedded-postgres.ts';

export default async function teardown(): Promise<void> {
  const { testPostgres } = globalThis as { testPostgres?: { postgres: EmbeddedPostgres; directory: string } };
  await testPostgres?.postgres.stop();
  if (testPostgres !== undefined) fs.rmSync(testPostgres.directory, { recursive: true, force: true });
}
