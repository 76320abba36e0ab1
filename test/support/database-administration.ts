import pg from 'pg';

/** One connection of this process, kept because connecting takes longer than most statements. */
let administrator: Promise<pg.Client> | undefined;

/** Runs one statement on the server of this run, outside any test's database, one at a time across all processes. */
export async function administer(sql: string): Promise<void> {
  administrator ??= connect();
  const client = await administrator;
  // CREATE DATABASE can't run concurrently on one template.
  await client.query('SELECT pg_advisory_lock(1)');
  try {
    await client.query(sql);
  } finally {
    await client.query('SELECT pg_advisory_unlock(1)');
  }
}

/** Address of a database of this run's server. */
export function databaseUrl(name: string): string {
  return serverUrl().replace(/postgres$/, name);
}

async function connect(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: serverUrl() });
  // The server ends before this process does.
  client.on('error', () => undefined);
  await client.connect();
  // Does not keep the process alive.
  (client as unknown as { unref(): void }).unref();
  return client;
}

function serverUrl(): string {
  const url = process.env['TEST_POSTGRES_URL'];
  if (url === undefined) throw new Error('TEST_POSTGRES_URL is missing: global-setup did not run');
  return url;
}
