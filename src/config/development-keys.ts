import { linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Random } from '../platform/random.ts';
import type { Environment } from './environment-reader.ts';

export interface DevelopmentKeys {
  /** The variables that were missing, for the environment. */
  variables: Record<string, string>;
  /** Where they are stored. */
  directory: string;
  /** Those that were just created, by variable. */
  created: readonly string[];
}

/**
 * For development only: keys for a missing `ROOT_KEY` or `BOOTSTRAP_ADMIN_KEY`, created once and kept in `dataDir` (folder 0700, files
 * 0600). Concurrent starts agree on one key. Must not be called in production, where a key beside the data protects nothing.
 */
export function loadDevelopmentKeys(environment: Environment, dataDir: string, random: Random): DevelopmentKeys {
  const directory = path.resolve(dataDir, 'keys');
  const has = (name: string): boolean => (environment[name]?.trim() ?? '') !== '';
  const variables: Record<string, string> = {};
  const created: string[] = [];
  const keep = (name: string, file: string, make: () => string): void => {
    const kept = ensureSecretFile(path.join(directory, file), make);
    variables[name] = kept.secret;
    if (kept.isNew) created.push(name);
  };
  const isLocal = !has('KMS_PROVIDER') || environment['KMS_PROVIDER']?.trim() === 'local';
  if (isLocal && !has('ROOT_KEY') && !has('ROOT_KEY_FILE'))
    keep('ROOT_KEY', 'root-key', () => random.bytes(32).toString('base64'));
  if (!has('BOOTSTRAP_ADMIN_KEY'))
    keep('BOOTSTRAP_ADMIN_KEY', 'admin-key', () => `dev-${random.bytes(32).toString('base64url')}`);
  return { variables, directory, created };
}

/** The secret in a file, which is created if missing. The file appears whole, once, and is never overwritten. */
export function ensureSecretFile(file: string, make: () => string): { secret: string; isNew: boolean } {
  const kept = readSecretFile(file);
  if (kept !== null) return { secret: kept, isNew: false };
  const folder = path.dirname(file);
  // Others may traverse the data folder but read only the database's part: as root, that server runs as another user.
  mkdirSync(path.dirname(folder), { recursive: true, mode: 0o711 });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const secret = make();
  const drafts = mkdtempSync(`${file}-`);
  const draft = path.join(drafts, 'secret');
  writeFileSync(draft, `${secret}\n`, { mode: 0o600, flag: 'wx' });
  try {
    // Unlike a rename, a link fails where another start was first.
    linkSync(draft, file);
    return { secret, isNew: true };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return { secret: readSecretFile(file) ?? secret, isNew: false };
  } finally {
    rmSync(drafts, { recursive: true, force: true });
  }
}

/** The secret in a file that `ensureSecretFile` made; null where there is none. */
export function readSecretFile(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
