import { readFileSync } from 'node:fs';
import { StartFailure } from '../../bootstrap/startup-error.ts';

/** A file, or standard input for `-`. Throws `StartFailure` that names the file. */
export function readText(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    const { code = 'unknown cause' } = error as NodeJS.ErrnoException;
    throw new StartFailure(`${file} cannot be read (${code}).`, error);
  }
}
