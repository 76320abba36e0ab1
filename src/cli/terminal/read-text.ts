import { readFileSync } from 'node:fs';
import { StartupError } from '../../bootstrap/startup-error.ts';

/** A file, or standard input for `-`. Throws `StartupError` that names the file. */
export function readText(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    const { code = 'unknown cause' } = error as NodeJS.ErrnoException;
    throw new StartupError(`${file} cannot be read (${code}).`, error);
  }
}
