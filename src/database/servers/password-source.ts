import { exec } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { DatabasePasswordConfig } from '../../config/database-settings.ts';

/**
 * A command may request a token from a cloud service, which takes long: connections opened at the same time share one.
 */
const FRESH_MS = 30_000;
/** Up to this age, a connection uses the last answer instead of waiting for the next. */
const USABLE_MS = 300_000;
const COMMAND_TIMEOUT_MS = 10_000;

/** No password is available. The message names the setting, never the contents of a file or a command's output. */
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
  /** The command's last answer. */
  #answer: { password: string; atMs: number } | null = null;
  #asking: Promise<string> | null = null;

  constructor(
    private readonly fixed: string | null,
    private readonly config: DatabasePasswordConfig | null,
  ) {}

  /**
   * Reads the file, or runs the command unless it has run within 30 seconds; waits for it only if its last answer is
   * older than 5 minutes. Throws `DatabasePasswordError`.
   */
  async get(): Promise<string> {
    if (this.config === null) {
      if (this.fixed !== null) return this.fixed;
      throw new DatabasePasswordError('DATABASE_URL', 'has no password, but the server asks for one.');
    }
    return 'file' in this.config ? readPasswordFile(this.config.file) : this.#ask(this.config.command);
  }

  /** Call when the server refused the password: the next connection then waits for the command. */
  discard(): void {
    this.#answer = null;
  }

  async #ask(command: string): Promise<string> {
    const ageMs = this.#answer === null ? Number.POSITIVE_INFINITY : performance.now() - this.#answer.atMs;
    if (this.#answer !== null && ageMs < FRESH_MS) return this.#answer.password;
    this.#asking ??= this.#run(command);
    const asking = this.#asking;
    if (this.#answer === null || ageMs > USABLE_MS) return asking;
    // If it fails, the next connection runs it again.
    asking.catch(() => undefined);
    return this.#answer.password;
  }

  async #run(command: string): Promise<string> {
    try {
      const password = await runPasswordCommand(command);
      this.#answer = { password, atMs: performance.now() };
      return password;
    } finally {
      this.#asking = null;
    }
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
  // The cause is left out: it contains the output.
  const { stdout } = await promisify(exec)(command, { timeout: COMMAND_TIMEOUT_MS, maxBuffer: 64 * 1024 }).catch(
    ({ code, signal }: { code?: unknown; signal?: unknown }) => {
      throw new DatabasePasswordError(setting, `failed (${String(signal ?? code)}).`);
    },
  );
  return withoutNewline(setting, stdout);
}

function withoutNewline(setting: string, text: string): string {
  const password = text.replace(/\r?\n$/, '');
  if (password === '') throw new DatabasePasswordError(setting, 'returned nothing.');
  return password;
}
