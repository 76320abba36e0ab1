import fs from 'node:fs';
import type { EmbeddedPostgres } from '../../src/database/embedded-postgres.ts';

export default async function teardown(): Promise<void> {
  const { testPostgres, testRunFolder } = globalThis as { testPostgres?: EmbeddedPostgres; testRunFolder?: string };
  await testPostgres?.stop();
  if (testRunFolder !== undefined) fs.rmSync(testRunFolder, { recursive: true, force: true });
}
