import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { SandboxStore } from './sandbox-store.ts';

const DEBOUNCE_MS = 250;

/** Saves the store to a file, so that tokens survive a restart. Writes a new file and renames it. */
export class StateFile {
  private timer: NodeJS.Timeout | null = null;
  private writing: Promise<void> = Promise.resolve();

  constructor(
    private readonly path: string,
    private readonly store: SandboxStore,
  ) {}

  /** Loads the state. Returns false if there is none. */
  async load(): Promise<boolean> {
    let text: string;
    try {
      text = await readFile(this.path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    }
    this.store.load(JSON.parse(text) as Record<string, unknown>);
    return true;
  }

  schedule(): void {
    if (this.timer !== null) return;
    this.timer = setTimeout(() => {
      this.timer = null;
      // A failed write is retried with the next change and reported by `close`.
      this.save().catch(() => undefined);
    }, DEBOUNCE_MS);
    this.timer.unref();
  }

  /** Writes one at a time; the last one wins. */
  save(): Promise<void> {
    const write = async () => {
      await mkdir(dirname(this.path), { recursive: true });
      await writeFile(`${this.path}.new`, JSON.stringify(this.store), { mode: 0o600 });
      await rename(`${this.path}.new`, this.path);
    };
    this.writing = this.writing.then(write, write);
    return this.writing;
  }

  async close(): Promise<void> {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    await this.save();
  }
}
