import 'reflect-metadata';
import { writeFileSync } from 'node:fs';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from '../../src/database/data-source-options.ts';
import { migrate } from '../../src/database/migrate.ts';
import { startDatabaseServer } from './database-server.ts';
import { RELEASED_SCHEMA_FILE, readSchema } from './released-schema.ts';

/** `npm run release:schema`, a step of a release: stores what it requires of the schema, for the next one's tests. */
const server = await startDatabaseServer();
try {
  const source = await new DataSource(dataSourceOptions(server.url, 2)).initialize();
  await migrate(source);
  await source.destroy();
  writeFileSync(RELEASED_SCHEMA_FILE, `${JSON.stringify(await readSchema(server.url), null, 1)}\n`);
} finally {
  await server.close();
}
