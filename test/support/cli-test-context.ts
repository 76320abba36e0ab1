import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { freshDatabase } from './fresh-database.ts';
import { assemble } from './open-resources.ts';
import { type CommandEnd, metavault, metavaultJson } from './run-metavault.ts';
import { startTestSandbox } from './test-sandbox.ts';

/** What `metavault` works on: a Meta on real time, a database and files, without any replica. */
export interface CliStage {
  sandbox: Sandbox;
  databaseUrl: string;
  sql: pg.Client;
  /** For `metavault`, and for replicas on the same database. */
  environment: Record<string, string>;
  /** Writes a file; its path. */
  file(name: string, text: string): string;
  /** A token of a person of its own, as an import takes it. */
  personToken(): string;
  /** `metavault`, on this stage. */
  run(...words: string[]): Promise<CommandEnd>;
  /** The same with `--json`, for a command that must succeed: what it printed. */
  json<T>(...words: string[]): Promise<T>;
  close(): Promise<void>;
}

export function cliStage(): Promise<CliStage> {
  return assemble(async (keep) => {
    const sandbox = keep(await startTestSandbox());
    const { url: databaseUrl, drop } = await freshDatabase();
    keep({ close: drop });
    const sql = new pg.Client({ connectionString: databaseUrl });
    await sql.connect();
    keep({ close: () => sql.end() });
    const folder = mkdtempSync(path.join(tmpdir(), 'metavault-cli-'));
    keep({ close: () => rmSync(folder, { recursive: true, force: true }) });
    const environment = { ...sandbox.environment(), DATABASE_URL: databaseUrl };
    return {
      sandbox,
      databaseUrl,
      sql,
      environment,
      file: (name: string, text: string) => {
        const file = path.join(folder, name);
        writeFileSync(file, text);
        return file;
      },
      personToken: () => {
        const { id } = sandbox.state.make.user({ kind: 'user' });
        return sandbox.state.make.token({ userId: id }).accessToken;
      },
      run: (...words: string[]) => metavault(environment, ...words),
      json: <T>(...words: string[]) => metavaultJson<T>(environment, ...words),
    };
  });
}
