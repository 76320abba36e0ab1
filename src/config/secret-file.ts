import { statSync } from 'node:fs';
import type { EnvironmentReader } from './environment-reader.ts';

/** Others may read or write it. */
const OPEN_TO_OTHERS = 0o006;

/**
 * Checks the rights of a file that holds a secret: one that others may read or write is a fault in production, elsewhere a warning. A file
 * that can't be looked at is for whoever reads it to report.
 */
export function checkSecretFile(reader: EnvironmentReader, name: string, file: string, isProduction: boolean): void {
  const mode = modeOf(file);
  if ((mode & OPEN_TO_OTHERS) === 0) return;
  const sentence = `names a file that other users of the machine may ${(mode & 0o004) === 0 ? 'write' : 'read'}: ${file}. Take that right away (chmod 600, or defaultMode 0400 of a mounted secret).`;
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
