import { appendFileSync, readFileSync } from 'node:fs';
import { StartFailure } from '../../bootstrap/startup-error.ts';

/** Which rows are in already, in a file beside the one with the tokens. Null: nowhere (standard input). */
export class ImportMarks {
  readonly #marks: Set<string>;

  constructor(private readonly file: string | null) {
    this.#marks = new Set(file === null ? [] : readMarks(file));
    // What cannot be written shall show before the first token is sent.
    this.append('');
  }

  has(mark: string): boolean {
    return this.#marks.has(mark);
  }

  /** Committed to the file before the next row is begun, so that a kill forgets no more than what was under way. */
  add(mark: string): void {
    this.#marks.add(mark);
    this.append(`${mark}\n`);
  }

  private append(text: string): void {
    if (this.file === null) return;
    try {
      appendFileSync(this.file, text, { mode: 0o600 });
    } catch (error) {
      const { code = 'unknown cause' } = error as NodeJS.ErrnoException;
      throw new StartFailure(`${this.file} cannot be written (${code}). Give another --done-file.`, error);
    }
  }
}

function readMarks(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n');
  } catch (error) {
    const { code = 'unknown cause' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return [];
    throw new StartFailure(`${file} cannot be read (${code}). Give another --done-file.`, error);
  }
}
