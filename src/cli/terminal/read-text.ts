import { readFileSync } from 'node:fs';
import { StartupError } from '../../bootstrap/startup-error.ts';

/** A file's text, or standard input for `-`. Throws `StartupError` that names the file. */
export function readText(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    const { code = 'unknown cause' } = error as NodeJS.ErrnoException;
    throw new StartupError({
      code: 'file_unreadable',
      detail: `${file} can't be read (${code}).`,
      remedy: 'Check its path and permissions.',
      cause: error,
    });
  }
}
