import { appendFileSync, readFileSync } from 'node:fs';
import { StartupError } from '../../bootstrap/startup-error.ts';

/** Which rows were imported already, in a file beside the one with the tokens. Null: not recorded (standard input). */
export class CompletedRows {
  readonly #fingerprints: Set<string>;

  constructor(private readonly file: string | null) {
    this.#fingerprints = new Set(file === null ? [] : readCompletedRows(file));
    // A file that can't be written must fail before the first token is sent.
    this.append('');
  }

  has(fingerprint: string): boolean {
    return this.#fingerprints.has(fingerprint);
  }

  /** Synced to the file before the next row begins, so that a kill loses no more than the row under way. */
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
      throw new StartupError(`${this.file} cannot be written (${code}). Give another --done-file.`, error);
    }
  }
}

function readCompletedRows(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n');
  } catch (error) {
    const { code = 'unknown cause' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return [];
    throw new StartupError(`${file} cannot be read (${code}). Give another --done-file.`, error);
  }
}
