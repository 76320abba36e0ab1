import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { freshDatabase } from './fresh-database.ts';
import { openResources } from './open-resources.ts';
import { type CommandResult, runMetavault, runMetavaultJson } from './run-metavault.ts';
import { startTestSandbox } from './test-sandbox.ts';

/** What `metavault` works on: a Meta on real time, a database and files, without any replica. */
export interface CliTestContext {
  sandbox: Sandbox;
  databaseUrl: string;
  sql: pg.Client;
  /** For `metavault`, and for replicas on the same database. */
  environment: Record<string, string>;
  /** Writes a file and returns its path. */
  file(name: string, text: string): string;
  /** Creates a user, and returns a token to import. */
  createUserToken(): string;
  /** Runs `metavault` in this context. */
  run(...args: string[]): Promise<CommandResult>;
  /** The same with `--json`, for a command that must succeed. Returns what it printed. */
  json<T>(...args: string[]): Promise<T>;
  close(): Promise<void>;
}

export function openCliTestContext(): Promise<CliTestContext> {
  return openResources(async (closeLater) => {
    const sandbox = closeLater(await startTestSandbox());
    const { url: databaseUrl, drop } = await freshDatabase();
    closeLater({ close: drop });
    const sql = new pg.Client({ connectionString: databaseUrl });
    await sql.connect();
    closeLater({ close: () => sql.end() });
    const folder = mkdtempSync(path.join(tmpdir(), 'metavault-cli-'));
    closeLater({ close: () => rmSync(folder, { recursive: true, force: true }) });
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
      createUserToken: () => {
        const { id } = sandbox.state.make.user({ kind: 'user' });
        return sandbox.state.make.token({ userId: id }).accessToken;
      },
      run: (...args: string[]) => runMetavault(environment, ...args),
      json: <T>(...args: string[]) => runMetavaultJson<T>(environment, ...args),
    };
  });
}
