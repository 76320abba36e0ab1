import { appendFileSync, readFileSync } from 'node:fs';
import { StartupError } from '../../bootstrap/startup-error.ts';

/**
 * Which rows are imported, recorded in a file next to the one with the tokens. `file` null, for standard input: no
 * file.
 */
export class CompletedRows {
  readonly #fingerprints: Set<string>;

  constructor(private readonly file: string | null) {
    this.#fingerprints = new Set(file === null ? [] : readCompletedRows(file));
    // Fail before the first token is sent if the file can't be written.
    this.append('');
  }

  has(fingerprint: string): boolean {
    return this.#fingerprints.has(fingerprint);
  }

  /** Written before the next row begins, so a kill loses only the rows in progress. */
  add(fingerprint: string): void {
    this.#fingerprints.add(fingerprint);
    this.append(`${fingerprint}\n`);
  }

  private append(text: string): void {
    if (this.file === null) return;
    try {
      appendFileSync(this.file, text, { mode: 0o600 });
    } catch (error) {
      const { code = 'unknown cause' } = error as NodeJS.ErrnoException;
      throw unusable(`${this.file} can't be written (${code}).`, error);
    }
  }
}

function readCompletedRows(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n');
  } catch (error) {
    const { code = 'unknown cause' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return [];
    throw unusable(`${file} can't be read (${code}).`, error);
  }
}

function unusable(detail: string, cause: unknown): StartupError {
  return new StartupError({ code: 'done_file_unusable', detail, remedy: 'Give another --done-file.', cause });
}
