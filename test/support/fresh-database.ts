import { randomBytes } from 'node:crypto';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from '../../src/database/data-source-options.ts';
import { Database } from '../../src/database/database.ts';
import { administer, databaseUrl } from './database-administration.ts';
import { openResources } from './open-resources.ts';

export const TEMPLATE_DATABASE = 'template_migrated';

/** Keeps a busy machine from looking like a database in trouble. Tests of database trouble use 1. */
export const PATIENCE = 10;

export interface FreshDatabase {
  url: string;
  drop(): Promise<void>;
}

/** A fresh, already migrated database for one spec file: a clone of the template, made in about 25 ms. */
export function freshDatabase(): Promise<FreshDatabase> {
  return createDatabase(TEMPLATE_DATABASE);
}

/** A database without any table. */
export function emptyDatabase(): Promise<FreshDatabase> {
  return createDatabase('template0');
}

async function createDatabase(template: string): Promise<FreshDatabase> {
  const name = `t_${randomBytes(6).toString('hex')}`;
  await administer(`CREATE DATABASE ${name} TEMPLATE ${template} STRATEGY FILE_COPY`);
  return {
    url: databaseUrl(name),
    drop: () => administer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}

export interface OpenDatabase {
  database: Database;
  url: string;
  /** Closes the pool and drops the database. */
  close(): Promise<void>;
}

/** A fresh database with our `Database` on it, for tests of one module. */
export function openFreshDatabase(patience = PATIENCE): Promise<OpenDatabase> {
  return openResources(async (closeLater) => {
    const { url, drop } = await freshDatabase();
    closeLater({ close: drop });
    const dataSource = await new DataSource(dataSourceOptions(url)).initialize();
    closeLater({ close: () => dataSource.destroy() });
    return { database: Database.of(dataSource, undefined, undefined, null, patience), url };
  });
}
