import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Command } from 'commander';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { SYSTEM } from '../../../src/audit/actor.ts';
import { AuditLog } from '../../../src/audit/audit-log.ts';
import { AuditChain } from '../../../src/audit/chain/audit-chain.ts';
import { addAuditCommand } from '../../../src/cli/audit/audit-command.ts';
import { addMigrateCommand } from '../../../src/cli/migrate-command.ts';
import { dataSourceOptions } from '../../../src/database/data-source-options.ts';
import { Database } from '../../../src/database/database.ts';
import { migrate } from '../../../src/database/migrate.ts';
import { api, type ConnectTestContext, openConnectTestContext } from '../../support/connect-test-context.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { doMainJob } from '../../support/main-job.ts';
import { startTestReplica, TEST_ENVIRONMENT } from '../../support/test-replica.ts';
import { openTestVault } from '../../support/test-vault.ts';

const SCRIPT = readFileSync(path.join(import.meta.dirname, '../../../migrations/roles.sql'), 'utf8');
const serverUrl = new URL(process.env['TEST_POSTGRES_URL'] ?? '');
const name = `t_${randomBytes(6).toString('hex')}`;
const password = randomBytes(12).toString('hex');
const directory = mkdtempSync(path.join(tmpdir(), 'roles-'));

let admin: pg.Client;
let service: pg.Client;
let testContext: ConnectTestContext;

/** URL of the test database for this user. */
function urlOf(user: string | null): string {
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  if (user !== null) {
    url.username = user;
    url.password = password;
  }
  return url.href;
}

async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return client;
}

async function command(args: string[], databaseUrl: string): Promise<string> {
  const printed: string[] = [];
  const context = {
    environment: { ...TEST_ENVIRONMENT, DATABASE_URL: databaseUrl },
    isJson: false,
    progressTerminal: null,
    print: (text: string) => void printed.push(text),
    notify: () => undefined,
  };
  const program = new Command().exitOverride();
  addMigrateCommand(program, context);
  addAuditCommand(program, context);
  await program.parseAsync(args, { from: 'user' });
  return printed.join('\n');
}

/** Empties the database and sets it up as an operator does: roles, migrations as the owner, rights. */
beforeAll(async () => {
  const server = await connected(serverUrl.href);
  await server.query(`CREATE DATABASE ${name}`);
  await server.end();
  admin = await connected(urlOf(null));
  // Roles belong to the whole server, and other runs of this file set them up at the same time.
  await admin.query('SELECT pg_advisory_lock(727999)');
  await admin.query(SCRIPT);
  for (const role of ['metavault_owner', 'metavault_service']) {
    await admin.query(`ALTER ROLE ${role} PASSWORD '${password}'`);
  }
  expect(await command(['migrate'], urlOf('metavault_owner'))).toContain('ran CreateVault');
  expect(await command(['migrate'], urlOf('metavault_owner'))).toBe('The schema is up to date.');
  await admin.query(SCRIPT);
  await writeOldEntries();
  service = await connected(urlOf('metavault_service'));
  testContext = await openConnectTestContext({ databaseUrl: urlOf('metavault_service') });
});

afterAll(async () => {
  await testContext?.close();
  await service?.end();
  await admin?.end();
  const server = await connected(serverUrl.href);
  await server.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  await server.query('DROP ROLE IF EXISTS metavault_owner').catch(() => undefined);
  await server.query('DROP ROLE IF EXISTS metavault_service').catch(() => undefined);
  await server.end();
  rmSync(directory, { recursive: true });
});

describe('with the roles of migrations/roles.sql', () => {
  it('the service does everything that it is for', async () => {
    await doMainJob(testContext);
  });

  it('the service sees how far standbys are', async () => {
    const { rows } = await service.query(`SELECT pg_has_role('pg_read_all_stats', 'USAGE') AS sees`);
    expect(rows).toEqual([{ sees: true }]);
  });

  it.each([
    'UPDATE audit_entry SET tenant = NULL',
    'DELETE FROM audit_entry',
    'TRUNCATE audit_entry',
    'UPDATE audit_link SET position = 0',
    'DELETE FROM audit_link',
    'TRUNCATE audit_link',
    'DELETE FROM audit_head',
    `INSERT INTO audit_checkpoint VALUES (1, 1, '', '', '')`,
    'DELETE FROM schema_migration',
    `INSERT INTO schema_contract VALUES ('a', 'b')`,
    'DROP TABLE audit_entry',
    'ALTER TABLE audit_entry DISABLE TRIGGER ALL',
    'CREATE TABLE more (id int)',
    'GRANT UPDATE ON audit_entry TO metavault_service',
    'SET ROLE metavault_owner',
    'DELETE FROM audit_entry_first',
    'UPDATE audit_entry_default SET tenant = NULL',
    'DELETE FROM audit_link_first',
    'DROP TABLE audit_entry_first',
    'ALTER TABLE audit_entry DETACH PARTITION audit_entry_first',
    `SELECT drop_partition('audit_entry', 'aud', date_trunc('day', now(), 'UTC') + interval '8 days')`,
    `SELECT drop_partition('audit_link', 'aud', date_trunc('day', now(), 'UTC') + interval '8 days')`,
  ])('denies its user: %s', async (statement) => {
    const refused = service.query(statement).then(
      () => 'done',
      (error: { code: string }) => error.code,
    );
    // A GRANT without the grant option is only a warning if the role has other rights. What counts is that it grants
    // nothing.
    if (statement.startsWith('GRANT')) await refused;
    else expect(['42501', '42P01']).toContain(await refused);
    await expect(service.query('UPDATE audit_entry SET tenant = NULL')).rejects.toMatchObject({ code: '42501' });
  });

  it('lets its user make partitions, on which it has no rights of its own, and drop those of leases', async () => {
    const day = `date_trunc('day', now(), 'UTC')`;
    for (const table of ['lease', 'audit_entry', 'audit_link']) {
      const made = await service.query(
        `SELECT make_partition('${table}', ${day} + interval '50 days', ${day} + interval '58 days') AS outcome`,
      );
      expect(made.rows).toEqual([{ outcome: 'made' }]);
    }
    const { rows } = await service.query<{ name: string; has: boolean }>(
      `SELECT relname AS name, has_table_privilege(oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE') AS has FROM pg_class
        WHERE relispartition AND relkind = 'r' ORDER BY 1`,
    );
    expect(rows).toHaveLength(9);
    expect(rows.filter(({ has }) => has)).toEqual([]);
    const dropped = await service.query(`SELECT drop_lease_partition(${day} + interval '58 days') AS dropped`);
    expect(dropped.rows).toEqual([{ dropped: true }]);
  });

  it('a missing migration produces a helpful message', async () => {
    const owner = await new DataSource(dataSourceOptions(urlOf('metavault_owner'), 1)).initialize();
    try {
      await owner.undoLastMigration();
      await expect(startTestReplica({ databaseUrl: urlOf('metavault_service') })).rejects.toThrow(/metavault migrate/);
    } finally {
      await migrate(owner);
      await owner.destroy();
    }
  });

  it('only the owner may prune', async () => {
    const prune = (user: string) =>
      command(
        ['audit', 'prune', '--before', '2026-06-01T00:00:00Z', '--export', path.join(directory, user)],
        urlOf(user),
      );
    // The command line uses the database's time.
    testContext.clock.set((await admin.query<{ now: Date }>('SELECT now()')).rows[0]?.now.toISOString() ?? '');
    await expect(prune('metavault_service')).rejects.toThrow('Use the owner of the tables');
    expect(await prune('metavault_owner')).toContain('3 entries');
    const lines = readFileSync(path.join(directory, 'metavault_owner'), 'utf8').trim().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual(
      [1, 2, 3].map((position) =>
        expect.objectContaining({
          position,
          action: 'lease.issued',
          actor: { kind: 'system', id: null },
          mac: expect.any(String),
        }),
      ),
    );
    expect((await api(testContext).get('/v1/audit/verify')).body).toMatchObject({ valid: true, pruned_entries: 3 });
    expect(await command(['audit', 'verify'], urlOf('metavault_service'))).toContain('the first 3 were pruned');
    await expect(prune('metavault_owner')).rejects.toThrow("Name a file that doesn't exist yet");
  });
});

/** Old entries, which the service may not delete. */
async function writeOldEntries(): Promise<void> {
  const source = await new DataSource(dataSourceOptions(urlOf('metavault_owner'))).initialize();
  try {
    const database = Database.of(source);
    const clock = new FakeClock('2026-01-01T00:00:00Z');
    const { ring, ids, integrity } = await openTestVault(database, clock);
    const log = new AuditLog(clock, ids, ring, integrity);
    for (let n = 0; n < 3; n++) {
      await log.record(database, { action: 'lease.issued', actor: SYSTEM });
      clock.advance(60);
    }
    await new AuditChain(database, clock, ring).linkNewEntries();
  } finally {
    await source.destroy();
  }
}
