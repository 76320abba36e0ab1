import { linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Random } from '../platform/random.ts';
import type { Environment } from './environment-reader.ts';

export interface DevelopmentKeys {
  /** Values for the missing variables. */
  variables: Record<string, string>;
  /** Folder of the key files. */
  directory: string;
  /** Variables whose keys were just created. */
  created: readonly string[];
}

/**
 * Development only: creates missing `ROOT_KEY` and `BOOTSTRAP_ADMIN_KEY` once and keeps them in `dataDir` (folder 0700,
 * files 0600). Concurrent starts agree on one key. Never call in production: a key next to the data protects nothing.
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

/** Reads the secret in a file, creating it if missing. The file appears complete, once, and is never overwritten. */
export function ensureSecretFile(file: string, make: () => string): { secret: string; isNew: boolean } {
  const kept = readSecretFile(file);
  if (kept !== null) return { secret: kept, isNew: false };
  const folder = path.dirname(file);
  // The data folder must be traversable: started by root, Postgres runs as another user and reads its part.
  mkdirSync(path.dirname(folder), { recursive: true, mode: 0o711 });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const secret = make();
  const drafts = mkdtempSync(`${file}-`);
  const draft = path.join(drafts, 'secret');
  writeFileSync(draft, `${secret}\n`, { mode: 0o600, flag: 'wx' });
  try {
    // Unlike a rename, a link fails if another start was first.
    linkSync(draft, file);
    return { secret, isNew: true };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return { secret: readSecretFile(file) ?? secret, isNew: false };
  } finally {
    rmSync(drafts, { recursive: true, force: true });
  }
}

/** Reads a file made by `ensureSecretFile`. Returns null if there is none. */
export function readSecretFile(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
