import { accessSync, constants } from 'node:fs';
import { SecretString } from '../platform/secret-string.ts';
import { type DatabaseAddress, DatabaseUrlError, parseDatabaseUrl } from './database-url.ts';
import type { EnvironmentReader } from './environment-reader.ts';
import { checkSecretFile } from './secret-file.ts';
import { isLoopback } from './setting-readers.ts';

/** Where passwords for new connections come from instead of the URL. */
export type DatabasePasswordConfig = { readonly file: string } | { readonly command: string };

/** Maximum number of a replica's connections, by purpose. */
export interface DatabasePoolSizes {
  /** Requests and short work. */
  readonly requests: number;
  /** Leases and Graph calls. */
  readonly leases: number;
  /** Work that may take long, and Meta's one-time answers; always direct. */
  readonly background: number;
}

export interface DatabaseConfig {
  /** For work that needs a session of its own, if `DATABASE_URL` points to a pooler. Null: `DATABASE_URL`. */
  readonly directUrl: SecretString | null;
  /** A standby for reads of lists and counts. Null: the primary. */
  readonly readUrl: SecretString | null;
  /** Maximum milliseconds that a read waits for the standby to have everything committed earlier. */
  readonly readWaitMs: number;
  readonly password: DatabasePasswordConfig | null;
  readonly poolSizes: DatabasePoolSizes;
  /** Whether a replica runs pending migrations when it starts. */
  readonly migrateAtStart: boolean;
}

const DEFAULT_READ_WAIT_MS = 100;
const DEFAULT_POOL_SIZES: DatabasePoolSizes = { requests: 10, leases: 6, background: 10 };

/** For tools and tests that have only a URL. */
export const DEFAULT_DATABASE_CONFIG: DatabaseConfig = {
  directUrl: null,
  readUrl: null,
  readWaitMs: DEFAULT_READ_WAIT_MS,
  password: null,
  poolSizes: DEFAULT_POOL_SIZES,
  migrateAtStart: true,
};

/** Reads how to reach the database, and checks the files that the URLs name. */
export function readDatabase(
  reader: EnvironmentReader,
  isProduction: boolean,
): { databaseUrl: SecretString | null; database: DatabaseConfig } {
  const databaseUrl = readDatabaseUrl(reader, 'DATABASE_URL', isProduction);
  const directUrl = readDatabaseUrl(reader, 'DATABASE_DIRECT_URL', isProduction);
  const readUrl = readDatabaseUrl(reader, 'DATABASE_READ_URL', isProduction);
  for (const [name, url] of [
    ['DATABASE_DIRECT_URL', directUrl],
    ['DATABASE_READ_URL', readUrl],
  ] as const)
    if (url !== null && reader.text('DATABASE_URL') === null)
      reader.fault('DATABASE_URL', `is missing although ${name} is set; set it, too.`);
  const size = (name: string, fallback: number): number => reader.integer(name, fallback, 2, 200);
  return {
    databaseUrl,
    database: {
      directUrl,
      readUrl,
      readWaitMs: reader.integer('DATABASE_READ_WAIT_MS', DEFAULT_READ_WAIT_MS, 0, 1_000),
      password: readPassword(reader, isProduction),
      poolSizes: {
        requests: size('DATABASE_POOL_SIZE', DEFAULT_POOL_SIZES.requests),
        leases: size('DATABASE_LEASE_POOL_SIZE', DEFAULT_POOL_SIZES.leases),
        background: size('DATABASE_BACKGROUND_POOL_SIZE', DEFAULT_POOL_SIZES.background),
      },
      migrateAtStart: reader.oneOf('MIGRATE_AT_START', ['true', 'false'], 'true') === 'true',
    },
  };
}

function readDatabaseUrl(reader: EnvironmentReader, name: string, isProduction: boolean): SecretString | null {
  const url = reader.text(name);
  if (url === null) return null;
  try {
    const address = parseDatabaseUrl(url);
    checkTls(reader, name, address, isProduction);
    return new SecretString(url);
  } catch (error) {
    if (!(error instanceof DatabaseUrlError)) throw error;
    reader.fault(name, error.message);
    return null;
  }
}

function checkTls(
  reader: EnvironmentReader,
  name: string,
  { tls, hosts }: DatabaseAddress,
  isProduction: boolean,
): void {
  const isLocal = hosts.every(({ host }) => host.startsWith('/') || isLoopback(host) || host === '::1');
  if (tls === null && isProduction && !isLocal)
    reader.warn(name, 'has no sslmode: passwords and rows travel unencrypted. Add sslmode=verify-full.');
  for (const file of [tls?.rootCertFile, tls?.certFile, tls?.keyFile])
    if (file !== null && file !== undefined && !isReadable(file))
      reader.fault(name, `names a file that cannot be read: ${file}.`);
  if (tls !== null && tls.keyFile !== null) checkSecretFile(reader, name, tls.keyFile, isProduction);
}

function readPassword(reader: EnvironmentReader, isProduction: boolean): DatabasePasswordConfig | null {
  const file = reader.text('DATABASE_PASSWORD_FILE');
  const command = reader.text('DATABASE_PASSWORD_COMMAND');
  if (file !== null && command !== null)
    reader.fault('DATABASE_PASSWORD_COMMAND', 'and DATABASE_PASSWORD_FILE are both set; set one.');
  if (command !== null) return { command };
  if (file === null) return null;
  if (!isReadable(file)) reader.fault('DATABASE_PASSWORD_FILE', `cannot be read: ${file}.`);
  checkSecretFile(reader, 'DATABASE_PASSWORD_FILE', file, isProduction);
  return { file };
}

function isReadable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
