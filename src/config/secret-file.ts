import { statSync } from 'node:fs';
import type { EnvironmentReader } from './environment-reader.ts';

/** Readable or writable by other users. */
const OPEN_TO_OTHERS = 0o006;

/**
 * Checks the permissions of a secret file: access by other users is a fault in production, else a warning. Files that
 * cannot be checked are left to their reader to report.
 */
export function checkSecretFile(reader: EnvironmentReader, name: string, file: string, isProduction: boolean): void {
  const mode = modeOf(file);
  if ((mode & OPEN_TO_OTHERS) === 0) return;
  const access = (mode & 0o004) === 0 ? 'write' : 'read';
  const remedy = 'Remove that permission (chmod 600, or defaultMode 0400 for a mounted secret).';
  const sentence = `names a file that other users of this machine can ${access}: ${file}. ${remedy}`;
  if (isProduction) reader.fault(name, sentence);
  else reader.warn(name, sentence);
}

function modeOf(file: string): number {
  try {
    return statSync(file).mode;
  } catch {
    return 0;
  }
}
