import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import request from 'supertest';
import {
  api,
  type ConnectTestContext,
  completeConnect,
  connectionAt,
  createServiceClient,
  openConnectTestContext,
} from '../support/connect-test-context.ts';
import { type FreshDatabase, freshDatabase } from '../support/fresh-database.ts';
import { TEST_ADMIN_KEY } from '../support/test-replica.ts';

let database: FreshDatabase;
let context: ConnectTestContext;
let attacker: pg.Client;
let serviceKey = '';
let connectionId = '';

beforeAll(async () => {
  database = await freshDatabase();
  context = await openConnectTestContext({ databaseUrl: database.url });
  attacker = new pg.Client({ connectionString: database.url });
  await attacker.connect();
  await completeConnect(context);
  serviceKey = (await createServiceClient(context, { lease_modes: ['token', 'gateway'] })).key;
  const { rows } = await attacker.query<{ id: string }>('SELECT id FROM connection');
  connectionId = rows[0]?.id ?? '';
  await attacker.query(`CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$`);
  await attacker.query(`CREATE FUNCTION take_away_entry() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN DELETE FROM audit_entry WHERE NEW.id IN (id, subject_id); RETURN NULL; END $$`);
  await attacker.query(`CREATE FUNCTION take_away_event() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN DELETE FROM event WHERE connection_id = '${connectionId}'; RETURN NULL; END $$`);
  await attacker.query(`CREATE FUNCTION change_entry() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN NEW.actor_id := 'cli_somebody_else'; RETURN NEW; END $$`);
});

/** Undoes a test's changes to the database. */
let undo: string[] = [];
afterEach(async () => {
  for (const statement of undo) await attacker.query(statement);
  undo = [];
});
afterAll(async () => {
  await attacker?.end();
  await context?.close();
  await database?.drop();
});

async function attack(statement: string, undoing: string): Promise<void> {
  await attacker.query(statement);
  undo.push(undoing);
}

/** DROP TRIGGER alone locks partitions before their table, and statements lock the table first. */
const trigger = (how: string, table: string, rest: string, kind = 'TRIGGER') =>
  attack(`CREATE ${kind} evil ${how} ON ${table} ${rest}`, `LOCK TABLE ${table}; DROP TRIGGER evil ON ${table}`);

const lease = (mode: 'token' | 'gateway') =>
  api(context, serviceKey).post('/v1/leases', { tenant: 'acme', product: 'pages', mode });

async function count(text: string): Promise<number> {
  return (await attacker.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${text}`)).rows[0]?.n ?? -1;
}

const activeLeases = () => count('lease WHERE ended_at IS NULL');

async function failuresOf(table: string): Promise<number> {
  const { text } = await request(context.replica.app.getHttpServer()).get('/metrics');
  const line = text.split('\n').find((each) => each.startsWith(`metavault_integrity_failures_total{table="${table}"}`));
  return Number(line?.split(' ').at(-1) ?? 0);
}

async function expectNoLease(table: string): Promise<void> {
  const [before, failures] = [await activeLeases(), await failuresOf(table)];
  const responses = await Promise.all([lease('token'), lease('gateway'), lease('token'), lease('gateway')]);
  for (const { status, body, headers } of responses) {
    expect([status, body.code, Number(headers['retry-after'])]).toEqual([503, 'integrity_failure', 5]);
    expect(body.access_token).toBeUndefined();
  }
  expect(await activeLeases()).toBe(before);
  expect(await failuresOf(table)).toBeGreaterThan(failures);
}

describe('a lease is not issued if the database dropped its audit entry', () => {
  it.each([
    ['a trigger drops it', 'BEFORE INSERT', 'audit_entry', 'FOR EACH ROW EXECUTE FUNCTION swallow()'],
    [
      'a trigger drops only it',
      'BEFORE INSERT',
      'audit_entry',
      `FOR EACH ROW WHEN (NEW.action = 'lease.issued') EXECUTE FUNCTION swallow()`,
    ],
    ['a trigger changes it', 'BEFORE INSERT', 'audit_entry', 'FOR EACH ROW EXECUTE FUNCTION change_entry()'],
    ['a trigger deletes it', 'AFTER INSERT', 'audit_entry', 'FOR EACH ROW EXECUTE FUNCTION take_away_entry()'],
    ['a trigger on leases deletes it', 'AFTER INSERT', 'lease', 'FOR EACH ROW EXECUTE FUNCTION take_away_entry()'],
  ])('if %s', async (_, how, table, rest) => {
    await trigger(how, table, rest);
    await expectNoLease('audit_entry');
  });

  it('if a trigger deletes it at commit', async () => {
    const rest = 'DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION take_away_entry()';
    await trigger('AFTER INSERT', 'audit_entry', rest, 'CONSTRAINT TRIGGER');
    await expectNoLease('audit_entry');
  });

  it.each([
    ['does nothing instead', 'DO INSTEAD NOTHING'],
    ['does something else', 'DO INSTEAD DELETE FROM audit_checkpoint'],
    ['does something in addition', 'DO ALSO DELETE FROM audit_entry WHERE id = NEW.id'],
  ])('if a rule %s', async (_, what) => {
    await attack(`CREATE RULE evil AS ON INSERT TO audit_entry ${what}`, 'DROP RULE evil ON audit_entry');
    await expectNoLease('audit_entry');
  });

  it('if a rule diverts it, and claims it was written', async () => {
    await attack('CREATE TABLE trash (LIKE audit_entry)', 'DROP TABLE trash');
    await attacker.query(`CREATE RULE evil AS ON INSERT TO audit_entry
      DO INSTEAD INSERT INTO trash SELECT NEW.* RETURNING *`);
    undo.unshift('DROP RULE evil ON audit_entry');
    await expectNoLease('audit_entry');
  });

  it('nor if the lease itself was dropped', async () => {
    await trigger('BEFORE INSERT', 'lease', 'FOR EACH ROW EXECUTE FUNCTION swallow()');
    await expectNoLease('lease');
  });

  it('but others in the same statement are', async () => {
    const [victim, spared] = [await createServiceClient(context), await createServiceClient(context)];
    const rest = `FOR EACH ROW WHEN (NEW.actor_id = '${victim.id}') EXECUTE FUNCTION swallow()`;
    await trigger('BEFORE INSERT', 'audit_entry', rest);
    const keys = Array.from({ length: 10 }, (_, index) => (index % 2 === 0 ? victim.key : spared.key));
    const wanted = { tenant: 'acme', product: 'pages' };
    const responses = await Promise.all(keys.map((key) => api(context, key).post('/v1/leases', wanted)));
    expect(responses.map(({ status }) => status)).toEqual(keys.map((key) => (key === victim.key ? 503 : 201)));
  });

  it('and all works again without such triggers, or with a harmless one', async () => {
    expect([(await lease('token')).status, (await lease('gateway')).status]).toEqual([201, 201]);
    await attack(
      `CREATE FUNCTION harmless() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$`,
      'DROP FUNCTION harmless',
    );
    await attacker.query('CREATE TRIGGER evil BEFORE INSERT ON audit_entry FOR EACH ROW EXECUTE FUNCTION harmless()');
    undo.unshift('LOCK TABLE audit_entry; DROP TRIGGER evil ON audit_entry');
    expect([(await lease('token')).status, (await lease('gateway')).status]).toEqual([201, 201]);
  });
});

describe('a change is not committed if the database dropped its audit entry or event', () => {
  const revoke = (id = connectionId) => api(context, TEST_ADMIN_KEY).delete(`/v1/connections/${id}`);
  const isActive = async () => (await count(`connection WHERE status = 'active' AND id = '${connectionId}'`)) === 1;

  it.each([
    ['the event is dropped', 'event', 'BEFORE INSERT', 'FOR EACH ROW EXECUTE FUNCTION swallow()', 'TRIGGER'],
    ['the event is deleted', 'event', 'AFTER INSERT', 'FOR EACH ROW EXECUTE FUNCTION take_away_event()', 'TRIGGER'],
    [
      'the event is deleted at commit',
      'event',
      'AFTER INSERT',
      'DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION take_away_event()',
      'CONSTRAINT TRIGGER',
    ],
    ['the entry is dropped', 'audit_entry', 'BEFORE INSERT', 'FOR EACH ROW EXECUTE FUNCTION swallow()', 'TRIGGER'],
    [
      'the entry is deleted',
      'audit_entry',
      'AFTER INSERT',
      'FOR EACH ROW EXECUTE FUNCTION take_away_entry()',
      'TRIGGER',
    ],
  ])('if %s', async (_, table, how, rest, kind) => {
    await trigger(how, table, rest, kind);
    const failures = await failuresOf(table);
    const { status, body } = await revoke();
    expect([status, body.code]).toEqual([503, 'integrity_failure']);
    expect(await isActive()).toBe(true);
    expect(await failuresOf(table)).toBeGreaterThan(failures);
  });

  it('if a rule ignores the event', async () => {
    await attack('CREATE RULE evil AS ON INSERT TO event DO INSTEAD NOTHING', 'DROP RULE evil ON event');
    const { status, body } = await revoke();
    expect([status, body.code]).toEqual([503, 'integrity_failure']);
    expect(await isActive()).toBe(true);
  });

  it('but is committed without such triggers', async () => {
    const other = await connectionAt(context, await completeConnect(context, { tenant: 'other' }));
    expect((await revoke(other.id)).status).toBe(200);
    expect(await count(`event WHERE type = 'connection.revoked' AND connection_id = '${other.id}'`)).toBe(1);
  });
});
