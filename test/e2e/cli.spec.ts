import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import type { ConnectionResponse } from '../../src/connections/connection/connection-response.dto.ts';
import { type CliTestContext, openCliTestContext } from '../support/cli-test-context.ts';
import { type CommandResult, runMetavault, runOnTerminal, startMetavault } from '../support/run-metavault.ts';
import { until } from '../support/until.ts';

let context: CliTestContext;

beforeAll(async () => {
  context = await openCliTestContext();
  // The first command that opens the vault creates it, under the current root key.
  await run('keys', 'list');
});
afterAll(() => context?.close());

const run = (...args: string[]): Promise<CommandResult> => context.run(...args);
const json = <T>(...args: string[]): Promise<T> => context.json<T>(...args);

/** Connects `count` users of a tenant and returns their connections' ids. */
async function connected(tenant: string, count: number): Promise<string[]> {
  const lines = Array.from({ length: count }, () =>
    JSON.stringify({ tenant, product: 'pages', access_token: context.createUserToken() }),
  );
  expect(await run('import', context.file(`${tenant}.jsonl`, lines.join('\n')))).toMatchObject({ code: 0 });
  return (await listed('--tenant', tenant)).map(({ id }) => id);
}

const listed = async (...args: string[]): Promise<ConnectionResponse[]> =>
  (await json<{ data: ConnectionResponse[] }>('connections', 'list', ...args)).data;

describe('exit codes and messages', () => {
  it.each<[string[], number, RegExp]>([
    [[], 2, /Usage: metavault/],
    [['--help'], 0, /^$/],
    [['help', 'keys'], 0, /^$/],
    [['nonsense'], 2, /unknown command/],
    [['keys', 'nonsense'], 2, /unknown command/],
    [['keys', 'rotate', 'more'], 2, /too many arguments/],
    [['keys', 'retire'], 2, /missing required argument/],
    [['keys', 'retire', 'kek_none'], 1, /No key-encryption key has this id/],
    [['keys', 'destroy', 'kek_none', '--yes'], 1, /No key-encryption key has this id/],
    [['connections', 'show', 'con_none'], 1, /no such connection/],
    [['connections', 'list', '--status', 'dead'], 2, /Allowed choices are active, reauth_required, revoked/],
    [['connections', 'list', '--product', 'mail'], 2, /Allowed choices are whatsapp/],
    [['connections', 'refresh'], 2, /either ids or at least one of/],
    [['connections', 'check', 'con_none'], 1, /There is no connection con_none/],
    [['revoke'], 2, /either ids or at least one of/],
    [['rotate'], 2, /either ids or at least one of/],
    [['rotate', '--tenant', 'a', '--expires', 'maybe'], 2, /Allowed choices are yes, no/],
    [['rotate', '--connection', 'con_none'], 1, /There is no connection con_none/],
    [['revoke', 'con_a', '--tenant', 'b'], 2, /either ids or at least one of/],
    [['revoke', 'con_none', '--yes'], 1, /There is no connection con_none/],
    [['audit', 'export', '--from', 'yesterday'], 2, /--from is not an RFC 3339 instant/],
    [['audit', 'verify', '--anchor', '/nowhere'], 1, /can't be read \(ENOENT\)/],
    [['events', 'replay'], 2, /Which deliveries/],
    [['connections', 'list', '--health', 'fine'], 2, /Allowed choices are healthy, expiring, invalid, unknown/],
    [['connections', 'list', '--expires-before', 'soon'], 2, /--expires-before is not an RFC 3339 instant/],
    [['connections', 'update', 'con_none'], 2, /Nothing to change/],
    [['connections', 'update', 'con_none', '--metadata', 'plan'], 2, /--metadata is no key=value: plan/],
    [['connections', 'update', 'con_none', '--reference', ''], 2, /--reference must be 1 to 200 characters/],
    [['connections', 'update', 'con_none', '--reference', 'x'], 1, /no such connection/],
    [['leases', 'list', '--client', 'me'], 2, /--client is not the id of a client/],
    [['leases', 'list', '--connection', 'con_none'], 2, /--connection is not the id of a connection/],
    [['leases', 'list', '--status', 'open'], 2, /Allowed choices are active, ended, expired/],
    [['leases', 'list', '--limit', '0'], 2, /--limit must be a whole number from 1/],
    [['import', '/nowhere'], 1, /\/nowhere can't be read \(ENOENT\)/],
  ])('%j ends with %i', async (args, code, err) => {
    const end = await run(...args);
    expect(end).toMatchObject({ code, err: expect.stringMatching(err) });
    expect(end.err).not.toMatch(/\n\s+at /);
  });

  it.each<[string, Record<string, string>, RegExp]>([
    [
      'an unreachable database',
      { DATABASE_URL: 'postgres://u:hidden@127.0.0.1:1/x' },
      /^DATABASE_URL: Postgres does not answer/,
    ],
    ['an address that is none', { DATABASE_URL: 'hidden' }, /DATABASE_URL must be a URL/],
    ['another root key', { ROOT_KEY: Buffer.alloc(32, 9).toString('base64') }, /Nothing was changed/],
    ['no root key', { NODE_ENV: 'production', ROOT_KEY: '', PUBLIC_URL: 'https://vault.example' }, /ROOT_KEY/],
  ])('reports %s without the secret', async (_, changed, args) => {
    const { code, out, err } = await runMetavault({ ...context.environment, ...changed }, 'keys', 'list');
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(args);
    expect(err).not.toMatch(/hidden@|\n\s+at /);
  });
});

describe('--json', () => {
  it('prints one document per command', async () => {
    const [id = ''] = await connected('json', 1);
    const { id: clientId } = await json<{ id: string }>('clients', 'create', '--name', 'j', '--role', 'auditor');
    expect(await json('clients', 'delete', clientId)).toEqual({ id: clientId, deleted: true });
    expect(await json('migrate')).toEqual({ migrations: [], newer: [] });
    expect(await json('audit', 'anchor')).toMatchObject({ seal: expect.any(String) });
    const exported = await json<{ data: { connection_id: string }[] }>('audit', 'export', '--connection', id);
    expect(exported.data.map(({ connection_id }) => connection_id)).toEqual([id, id]);
    expect(await json('audit', 'export', '--action', 'no.such')).toEqual({ data: [] });
    expect(await json('completion', 'bash')).toMatchObject({ shell: 'bash', script: expect.any(String) });
    expect(await json('revoke', '--tenant', 'none', '--yes')).toEqual({ data: [] });
  });

  it.each<[string[], number, object]>([
    [['connections', 'show', 'con_none'], 1, { code: 'connection_not_found' }],
    [['keys', 'retire', 'kek_none'], 1, { code: 'key_not_found' }],
    [['connections', 'refresh'], 2, { code: 'invalid_command_line' }],
    [['import', '/nowhere'], 1, { code: 'file_unreadable' }],
    [['audit', 'verify', '--anchor', 'package.json'], 1, { code: 'invalid_anchor' }],
    [['audit', 'verify', '--resume', 'package.json'], 1, { code: 'invalid_place' }],
  ])('reports as JSON why %j fails', async (args, code, error) => {
    const end = await run(...args, '--json');
    expect({ ...end, err: JSON.parse(end.err) }).toEqual({
      code,
      out: '',
      err: { error: { detail: expect.any(String), remedy: expect.any(String), code: expect.any(String), ...error } },
    });
  });

  it('never prompts', async () => {
    await connected('asked', 1);
    const end = await run('revoke', '--tenant', 'asked', '--json');
    expect(end).toMatchObject({ code: 1, out: '' });
    expect(JSON.parse(end.err).error).toMatchObject({ code: 'not_confirmed', remedy: 'Add --yes to confirm.' });
    expect(await listed('--tenant', 'asked', '--status', 'active')).toHaveLength(1);
  });
});

describe('progress', () => {
  it.each<[string, () => Promise<string[]>, RegExp]>([
    [
      'an import',
      async () => {
        const row = { tenant: 'progress', product: 'pages', access_token: context.createUserToken() };
        return ['import', context.file('progress.jsonl', JSON.stringify(row))];
      },
      /Importing: 1 of 1 in \d+ s \([\d.,]+\/s\)\n$/,
    ],
    [
      'a rewrap',
      async () => {
        await connected('rewrapped', 1);
        await run('keys', 'rotate');
        return ['keys', 'rewrap'];
      },
      /Rewrapping: ([\d,]+) of \1 in \d+ s \([\d.,]+\/s\)\n$/,
    ],
    ['a verification', async () => ['audit', 'verify'], /Verifying: ([\d,]+) of \1 in \d+ s \([\d.,]+\/s\)\n$/],
  ])('of %s is shown on a terminal, but not with --json or without a terminal', async (_, command, summary) => {
    const terminal: string[] = [];
    const shown = await runOnTerminal(terminal, context.environment, await command());
    expect(shown).toMatchObject({ code: 0, err: '' });
    expect(terminal.join('')).toMatch(summary);
    const silent: string[] = [];
    expect(await runOnTerminal(silent, context.environment, [...(await command()), '--json'])).toMatchObject({
      code: 0,
      err: '',
    });
    expect(silent).toEqual([]);
    expect(await run(...(await command()))).toMatchObject({ code: 0, err: '' });
  });
});

describe('connections', () => {
  it('are listed and shown, as tables and as JSON', async () => {
    const [id = ''] = await connected('shown', 1);
    const list = await run('connections', 'list', '--tenant', 'shown', '--status', 'active');
    expect(list.out.split('\n')[0]).toMatch(/^ID +TENANT +PRODUCT +STATUS +META USER +APP$/);
    expect(list.out).toContain(id);
    expect(await listed('--app', '1')).toEqual([]);
    expect(await listed('--tenant', 'shown', '--app', context.sandbox.app.id)).toHaveLength(1);
    expect(await json('connections', 'show', id)).toMatchObject({ id, credentials: [{ kind: 'user', version: 1 }] });
    const sheet = await run('connections', 'show', id);
    expect(sheet.out).toMatch(/status +active/);
    expect(sheet.out).toMatch(/crd_\w+ +user +\d+ +v1 +healthy/);
  });

  it('are refreshed and checked now, without a running replica; failures are named and exit with 1', async () => {
    const [id = '', other = ''] = await connected('worked', 2);
    await context.sql.query(
      `UPDATE credential SET expires_at = expires_at - interval '5 days' WHERE connection_id = ANY ($1)`,
      [[id, other]],
    );
    const { data } = await json<{ data: ConnectionResponse[] }>('connections', 'refresh', id);
    expect(data).toMatchObject([{ id, credentials: [{ version: 2 }] }]);
    await context.sql.query(
      `UPDATE credential SET refresh_after = now(), refresh_due_at = now() WHERE connection_id = $1`,
      [other],
    );
    expect(await json('refresh')).toMatchObject({ claimed: 1, refreshed: 1, failed: 0 });
    expect(await run('refresh')).toMatchObject({ code: 0, out: expect.stringMatching(/^0 were due/) });
    const userId = (await json<ConnectionResponse>('connections', 'show', other)).meta_user_id;
    context.sandbox.state.changePassword(userId);
    const checked = await run('connections', 'check', '--tenant', 'worked');
    expect(checked.code).toBe(1);
    expect(checked.out).toMatch(new RegExp(`${other} +worked +reauth_required`));
    expect(checked.err).toMatch(/1 of 2 connections have a problem/);
  });
});

describe('revoke', () => {
  it('in bulk: previews, confirms, ends all of a tenant and no other, and finds nothing the second time', async () => {
    const [ids, others] = [await connected('ended', 5), await connected('kept', 1)];
    const dry = await json<{ data: ConnectionResponse[] }>('revoke', '--tenant', 'ended', '--dry-run');
    expect(dry.data.map(({ id }) => id)).toEqual(ids);
    expect(await run('revoke', '--tenant', 'ended')).toMatchObject({ code: 1, err: expect.stringContaining('--yes') });
    expect((await listed('--tenant', 'ended')).every(({ status }) => status === 'active')).toBe(true);
    const ended = await json<{ data: Record<string, unknown>[] }>(
      'revoke',
      '--tenant',
      'ended',
      '--product',
      'pages',
      '--yes',
    );
    expect(ended.data).toEqual(
      ids.map((id) => ({ id, status: 'revoked', leases_revoked: 0, provider_revocation: 'confirmed' })),
    );
    expect(await run('connections', 'revoke', '--tenant', 'ended', '--yes')).toMatchObject({ code: 0 });
    expect(await run('revoke', ids[0] ?? '', '--yes')).toMatchObject({ code: 0 });
    expect(await listed('--tenant', 'kept')).toMatchObject([{ id: others[0], status: 'active' }]);
    const { rows } =
      await context.sql.query(`SELECT count(*)::integer AS left FROM sealed_secret s JOIN credential c ON c.secret_id = s.id
      JOIN connection n ON n.id = c.connection_id WHERE n.tenant = 'ended'`);
    expect(rows).toEqual([{ left: 0 }]);
  });

  it('leaves to the replicas what Meta does not confirm now', async () => {
    const [id = ''] = await connected('outage', 1);
    context.sandbox.state.faults.add({
      fault: { kind: 'drop_before' },
      match: { pathPattern: 'permissions' },
      times: null,
    });
    const end = await run('revoke', id, '--yes');
    context.sandbox.state.faults.clear();
    expect(end).toMatchObject({ code: 0, out: expect.stringContaining('Meta has not confirmed 1 connection yet') });
    expect((await listed('--tenant', 'outage'))[0]).toMatchObject({
      status: 'revoked',
      provider_revocation: 'pending',
    });
  });

  it.each(['SIGINT', 'SIGKILL'] as const)('interrupted by %s and run again, ends all, each once', async (signal) => {
    const tenant = `broken-${signal}`;
    const ids = await connected(tenant, 30);
    const blocker = new pg.Client({ connectionString: context.databaseUrl });
    await blocker.connect();
    await blocker.query('BEGIN');
    await blocker.query('SELECT 1 FROM connection WHERE id = $1 FOR UPDATE', [ids[10]]);
    const { child, ended } = startMetavault(context.environment, ['revoke', '--tenant', tenant, '--yes']);
    const count = async (): Promise<number> => {
      const revoked = `SELECT id FROM connection WHERE tenant = $1 AND status = 'revoked'`;
      return (await context.sql.query(revoked, [tenant])).rows.length;
    };
    await until(async () => (await count()) >= 10);
    child.kill(signal);
    if (signal === 'SIGINT') await new Promise<void>((resolve) => child.stderr?.once('data', () => resolve()));
    await blocker.query('ROLLBACK');
    await blocker.end();
    const end = await ended;
    expect(end.code).toBe(signal === 'SIGINT' ? 130 : null);
    if (signal === 'SIGINT') expect(end.err).toMatch(/Stopped with \d+ connections left/);
    const before = await count();
    expect(before).toBeLessThan(ids.length);
    expect(await run('revoke', '--tenant', tenant, '--yes')).toMatchObject({ code: 0 });
    expect(await count()).toBe(ids.length);
    const { rows } = await context.sql.query(
      `SELECT count(*)::integer AS entries FROM audit_entry WHERE action = 'connection.revoked' AND tenant = $1`,
      [tenant],
    );
    expect(rows).toEqual([{ entries: ids.length }]);
  });
});

describe('audit', () => {
  it('verifies, anchors, exports with filters, and detects a log cut off behind the anchor', async () => {
    const [id = ''] = await connected('audited', 1);
    const anchor = await run('audit', 'anchor');
    const file = context.file('anchor.json', anchor.out);
    expect(await json('audit', 'verify', '--anchor', file)).toMatchObject({ valid: true, anchor: 'holds' });
    const lines = (await run('audit', 'export', '--connection', id)).out.split('\n').map((line) => JSON.parse(line));
    expect(lines.map(({ action }) => action)).toEqual(['connect.completed', 'connection.created']);
    expect(lines[0]).toMatchObject({ actor: { kind: 'operator', id: null }, tenant: 'audited' });
    const { rows } = await context.sql.query('SELECT count(*)::integer AS entries FROM audit_entry');
    expect((await run('audit', 'export')).out.split('\n')).toHaveLength(rows[0].entries);
    expect((await run('audit', 'export', '--action', 'no.such')).out).toBe('');
    await context.sql.query('CREATE TABLE kept AS SELECT * FROM audit_link ORDER BY position DESC LIMIT 1');
    await context.sql.query('DELETE FROM audit_link WHERE position = (SELECT max(position) FROM audit_link)');
    const cut = await run('audit', 'verify', '--anchor', file);
    expect(cut).toMatchObject({ code: 1, err: expect.stringContaining('break-in') });
    expect(cut.out).toMatch(/(is NOT valid|does NOT match)/);
    await context.sql.query('INSERT INTO audit_link SELECT * FROM kept');
    await context.sql.query('DROP TABLE kept');
    expect(await run('audit', 'verify', '--anchor', file)).toMatchObject({ code: 0 });
    context.file('anchor.json', anchor.out.replace(/"seal":"./, '"seal":"x'));
    expect((await run('audit', 'verify', '--anchor', file)).out).toMatch(/not_ours/);
  });

  it('exits cleanly if the reader of an export goes away', async () => {
    // More than a pipe's buffer.
    await context.sql.query(`INSERT INTO audit_entry SELECT r.* FROM (SELECT * FROM audit_entry ORDER BY id LIMIT 1) e, generate_series(1, 5000) n,
      LATERAL jsonb_populate_record(NULL::audit_entry, to_jsonb(e) || jsonb_build_object('id', 'aud_' || lpad(n::text, 26, '0'))) r`);
    const { child, ended } = startMetavault(context.environment, ['audit', 'export']);
    child.stdout?.once('data', () => child.stdout?.destroy());
    expect(await ended).toMatchObject({ code: 0, err: '' });
    await context.sql.query(`DELETE FROM audit_entry WHERE id LIKE 'aud_000000%'`);
  });
});

describe('clients', () => {
  it('get new keys and are deleted', async () => {
    const made = await run('clients', 'create', '--name', 'a', '--role', 'auditor', '--tenants', '*');
    const [id = '', key = ''] = made.out.split('\n');
    expect(key).toMatch(/^mtv_/);
    const rotated = await run('clients', 'rotate-key', id, '--grace-seconds', '0');
    expect(rotated.out).toMatch(/^mtv_/);
    expect(rotated.out).not.toContain(key);
    expect((await run('clients', 'list')).out).toContain(id);
    expect(await run('clients', 'delete', id)).toMatchObject({ code: 0 });
    expect((await run('clients', 'list')).out).not.toContain(id);
    expect(await run('clients', 'rotate-key', id)).toMatchObject({ code: 1 });
  });
});

describe('metavault rotate', () => {
  it('replaces tokens of system users, by tenant or id, and only lists them with --dry-run', async () => {
    const systemUserToken = (): string => {
      const { id: userId } = context.sandbox.state.make.user({ kind: 'system_user' });
      return context.sandbox.state.make.token({ userId, expiresIn: null }).accessToken;
    };
    const rows = [
      { tenant: 'rotating', product: 'whatsapp', access_token: systemUserToken() },
      { tenant: 'rotating', product: 'whatsapp', access_token: systemUserToken() },
      { tenant: 'rotating', product: 'pages', access_token: context.createUserToken() },
    ];
    const lines = rows.map((row) => JSON.stringify(row)).join('\n');
    expect(await run('import', context.file('rotating.jsonl', lines))).toMatchObject({ code: 0 });
    const rotate = async (...args: string[]): Promise<ConnectionResponse[]> =>
      (await json<{ data: ConnectionResponse[] }>('rotate', ...args)).data;
    const planned = await rotate('--tenant', 'rotating', '--dry-run');
    expect(planned.map(({ credentials: [root] }) => [root?.kind, root?.version])).toEqual([
      ['system_user', 1],
      ['system_user', 1],
    ]);
    const done = await rotate('--tenant', 'rotating');
    expect(done.map(({ credentials: [root] }) => [root?.version, root?.failure])).toEqual([
      [2, null],
      [2, null],
    ]);
    const [first] = await rotate('--connection', done[0]?.id ?? '', '--expires', 'yes');
    expect(first?.credentials[0]).toMatchObject({ version: 3, expires_at: expect.any(String) });
    const [other] = await listed('--tenant', 'rotating', '--product', 'pages');
    expect(await run('rotate', other?.id ?? '')).toMatchObject({
      code: 1,
      err: expect.stringContaining('Only tokens of system users'),
    });
  });
});
