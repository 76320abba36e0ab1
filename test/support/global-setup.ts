import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from '../../src/database/data-source-options.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/database/embedded-postgres.ts';
import { migrate } from '../../src/database/migrate.ts';
import { SystemRandom } from '../../src/platform/random.ts';
import { findCurrentBuild } from './find-current-build.ts';
import { TEMPLATE_DATABASE } from './fresh-database.ts';
import { databaseParentFolder } from './memory-folder.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const PREFIX = 'metavault-test-';

/** Removes the folders of killed runs: their process is gone, and their server with it. */
function removeStaleDirectories(parent: string): void {
  for (const name of fs.readdirSync(parent)) {
    if (!name.startsWith(PREFIX)) continue;
    const pid = Number(name.slice(PREFIX.length));
    try {
      process.kill(pid, 0);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') continue;
      fs.rmSync(path.join(parent, name), { recursive: true, force: true });
    }
  }
}

/**
 * One Postgres for the run, with a migrated template that each spec file clones; and what browsers load.
 * `TEST_SERVER_URL`: a server of another version, which is used for nothing but tests.
 */
export default async function setup(): Promise<void> {
  // Instant if nothing has changed. Jest loads this file with require, so it cannot import the module.
  execFileSync(process.execPath, [path.join(ROOT, 'customer-pages/build.mjs')], { stdio: 'inherit' });
  const folder = makeRunFolder();
  const url = process.env['TEST_SERVER_URL'] ?? (await startServer(path.join(folder, 'postgres')));
  const admin = await new DataSource({ type: 'postgres', url, installExtensions: false }).initialize();
  await admin.query(`DROP DATABASE IF EXISTS ${TEMPLATE_DATABASE} WITH (FORCE)`);
  await admin.query(`CREATE DATABASE ${TEMPLATE_DATABASE}`);
  await admin.destroy();
  const template = new DataSource(dataSourceOptions(url.replace(/postgres$/, TEMPLATE_DATABASE)));
  await template.initialize();
  await migrate(template);
  await template.destroy();
  Object.assign(process.env, { TEST_POSTGRES_URL: url, TEST_RUN_FOLDER: folder });
  const build = findCurrentBuild(ROOT);
  if (build !== undefined) {
    execFileSync(process.execPath, [path.join(ROOT, 'test/support/bundle-programs.mjs')], { stdio: 'inherit' });
    Object.assign(process.env, { REPLICA_BUILD: build, PROGRAM_BUNDLE: path.join(build, 'for-tests') });
  }
}

/** Makes the folder that the teardown removes. */
function makeRunFolder(): string {
  const parent = databaseParentFolder();
  for (const each of new Set([parent, os.tmpdir()])) removeStaleDirectories(each);
  const folder = path.join(parent, `${PREFIX}${process.pid}`);
  fs.mkdirSync(folder, { mode: 0o755 });
  Object.assign(globalThis, { testRunFolder: folder });
  return folder;
}

/** Starts the server that the teardown stops. Returns its URL. */
async function startServer(directory: string): Promise<string> {
  fs.mkdirSync(directory, { mode: 0o755 });
  const postgres: EmbeddedPostgres = await startEmbeddedPostgres({
    directory,
    random: new SystemRandom(),
    ephemeral: true,
    // An ANALYZE at a random moment would change plans, and JIT compilation takes longer than it saves.
    settings: { max_connections: '300', autovacuum: 'off', jit: 'off' },
  });
  Object.assign(globalThis, { testPostgres: postgres });
  return postgres.url;
}
