import { exec } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { DatabasePasswordConfig } from '../../config/database-settings.ts';

/** A command may ask a cloud for a token, which takes long; connections that are made together share one. */
const COMMAND_TTL_MS = 30_000;
const COMMAND_TIMEOUT_MS = 10_000;

/** There is no password. Names the setting, never what a file or a command says. */
export class DatabasePasswordError extends Error {
  constructor(
    readonly setting: string,
    readonly detail: string,
  ) {
    super(`${setting} ${detail}`);
    this.name = 'DatabasePasswordError';
  }
}

/** Gives each new connection its password. */
export class PasswordSource {
  #asked: { password: Promise<string>; atMs: number } | null = null;

  constructor(
    private readonly fixed: string | null,
    private readonly config: DatabasePasswordConfig | null,
  ) {}

  /** Reads the file, or asks the command unless it answered seconds ago. Throws `DatabasePasswordError`. */
  async get(): Promise<string> {
    if (this.config === null) {
      if (this.fixed !== null) return this.fixed;
      throw new DatabasePasswordError('DATABASE_URL', 'has no password, but the server asks for one.');
    }
    return 'file' in this.config ? readPasswordFile(this.config.file) : this.#ask(this.config.command);
  }

  /** The server refused the password: the command is asked anew. */
  discard(): void {
    this.#asked = null;
  }

  #ask(command: string): Promise<string> {
    if (this.#asked === null || performance.now() - this.#asked.atMs > COMMAND_TTL_MS) {
      const asked = { password: runPasswordCommand(command), atMs: performance.now() };
      asked.password.catch(() => {
        if (this.#asked === asked) this.#asked = null;
      });
      this.#asked = asked;
    }
    return this.#asked.password;
  }
}

async function readPasswordFile(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((cause: { code?: unknown }) => {
    throw new DatabasePasswordError('DATABASE_PASSWORD_FILE', `cannot be read (${String(cause.code)}).`);
  });
  return withoutNewline('DATABASE_PASSWORD_FILE', text);
}

async function runPasswordCommand(command: string): Promise<string> {
  const setting = 'DATABASE_PASSWORD_COMMAND';
  // The cause is left out: it has the output.
  const { stdout } = await promisify(exec)(command, { timeout: COMMAND_TIMEOUT_MS, maxBuffer: 64 * 1024 }).catch(
    ({ code, signal }: { code?: unknown; signal?: unknown }) => {
      throw new DatabasePasswordError(setting, `failed (${String(signal ?? code)}).`);
    },
  );
  return withoutNewline(setting, stdout);
}

function withoutNewline(setting: string, text: string): string {
  const password = text.replace(/\r?\n$/, '');
  if (password === '') throw new DatabasePasswordError(setting, 'gives nothing.');
  return password;
}
