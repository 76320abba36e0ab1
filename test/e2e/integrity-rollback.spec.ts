import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SYSTEM } from '../../src/audit/actor.ts';
import { AuditPruner } from '../../src/audit/chain/audit-pruner.ts';
import { CredentialClaimRepository } from '../../src/connections/credentials/credential-claim.repository.ts';
import { CredentialVersionService } from '../../src/connections/credentials/credential-version.service.ts';
import { checkRollbacks } from '../../src/operations/doctor/rollback-checks.ts';
import { KeyRing } from '../../src/vault/keys/key-ring.ts';
import { api } from '../support/connect-test-context.ts';
import { DAY, type LifecycleTestContext, openLifecycleTestContext } from '../support/lifecycle-test-context.ts';
import { type OldCopies, oldCopiesOf } from '../support/old-copies.ts';

let context: LifecycleTestContext;
let copies: OldCopies;

beforeAll(async () => {
  context = await openLifecycleTestContext();
  copies = oldCopiesOf(context.database);
});
afterAll(() => context?.close());

/** Runs a test that checks every row on a database of its own. */
const alone = (test: () => Promise<void>) => async (): Promise<void> => {
  const shared = { context, copies };
  context = await openLifecycleTestContext();
  copies = oldCopiesOf(context.database);
  try {
    await test();
  } finally {
    await context.close();
    ({ context, copies } = shared);
  }
};

const refresh = async (id: string): Promise<void> => {
  expect((await api(context).post(`/v1/connections/${id}/refresh`, {})).status).toBe(200);
};
const check = async (id: string): Promise<void> => {
  expect((await api(context).post(`/v1/connections/${id}/check`, {})).status).toBe(200);
};
const sql = (text: string): Promise<number> => context.database.run({ text });
const failures = async (table: string): Promise<number> => {
  const { text } = await api(context).get('/metrics');
  return Number(
    new RegExp(`^metavault_integrity_failures_total\\{table="${table}"\\} (\\d+)$`, 'm').exec(text)?.[1] ?? 0,
  );
};
const finds = async (action: string, id: string): Promise<Record<string, unknown>[]> => {
  const text = 'SELECT details FROM audit_entry WHERE action = $1 AND connection_id = $2 ORDER BY id';
  const rows = await context.database.rows<{ details: Record<string, unknown> }>({ text, values: [action, id] });
  return rows.map(({ details }) => details);
};
const serving = async (id: `con_${string}`): Promise<string | undefined> => {
  const root = await context.replica.app.get(CredentialClaimRepository).findRoot(id);
  return root === null
    ? undefined
    : (await context.replica.app.get(CredentialVersionService).openCurrent(root))?.expose();
};
const examine = async (): Promise<string[]> => {
  const { database, clock } = context;
  const found = await checkRollbacks({ database, clock, keyRing: context.replica.app.get(KeyRing) });
  return found.map(({ state, detail }) => `${state}: ${detail}`);
};

describe('a credential rolled back with its token', () => {
  it(
    'is inspected before it is refreshed, and reported once, also by doctor; then it is refreshed',
    alone(async () => {
      const { id, token } = await context.importConnection({ expiresIn: 10 * DAY });
      await copies.keep('renewed', 'credential', 'sealed_secret');
      await refresh(id);
      const { id: credentialId, version } = await context.root(id);
      expect(version).toBe(2);
      expect(await examine()).toEqual(['ok: no row is older than the audit record says']);
      const newer = await serving(id);
      await copies.putBack('renewed', 'sealed_secret');
      await copies.putBack('renewed', 'credential');
      expect(await serving(id)).toBe(token);
      expect(await examine()).toEqual([
        `attention: 1 credentials are older than the audit record says: ${credentialId}.`,
      ]);
      const before = { failures: await failures('credential'), exchanged: context.exchanges().exchanged };
      await refresh(id);
      // Meta inspected the token; no new one was requested.
      expect(context.exchanges().exchanged).toBe(before.exchanged);
      expect(await context.root(id)).toMatchObject({ version: 3, health: 'healthy' });
      expect(await finds('credential.rollback_detected', id)).toEqual([
        { version: 3, found_version: 1, recorded_version: 2 },
      ]);
      expect(await failures('credential')).toBe(before.failures + 1);
      const logged = context.log.lines.filter((line) => line['msg'] === 'a credential was rolled back');
      expect(logged).toMatchObject([{ table: 'credential', credential_id: credentialId, connection_id: id }]);
      await refresh(id);
      expect(await context.root(id)).toMatchObject({ version: 4, health: 'healthy' });
      expect([undefined, token]).not.toContain(await serving(id));
      await check(id);
      expect(await failures('credential')).toBe(before.failures + 1);
      expect(await examine()).toEqual([
        `attention: 1 credential.rollback_detected in the last 30 days: ${credentialId}.`,
      ]);
      const said = JSON.stringify([context.log.lines, await finds('credential.rollback_detected', id)]);
      for (const secret of [token, newer ?? '']) expect(said).not.toContain(secret);
    }),
  );

  it(
    'ends its connection if the token has died since, without asking for a new one',
    alone(async () => {
      const { id, token } = await context.importConnection({ expiresIn: 6 * DAY });
      await copies.keep('dead', 'credential', 'sealed_secret');
      await refresh(id);
      context.sandbox.state.invalidateToken(token, 460);
      await copies.putBack('dead', 'sealed_secret');
      await copies.putBack('dead', 'credential', `connection_id = '${id}'`);
      const { exchanged } = context.exchanges();
      await context.sweep.refresh();
      expect(context.exchanges().exchanged).toBe(exchanged);
      expect(await context.connection(id)).toMatchObject({ status: 'reauth_required' });
      expect(await finds('credential.rollback_detected', id)).toHaveLength(1);
    }),
  );

  it('is also detected by its inspection', async () => {
    const { id } = await context.importConnection();
    await copies.keep('checked', 'credential', 'sealed_secret');
    await refresh(id);
    await copies.putBack('checked', 'sealed_secret');
    await copies.putBack('checked', 'credential', `connection_id = '${id}'`);
    await check(id);
    expect(await finds('credential.rollback_detected', id)).toHaveLength(1);
  });

  it("gets a fresh token at once if it is a Page's", async () => {
    const { id, pageIds } = await context.importConnection({ pages: 2 });
    await copies.keep('page', 'credential', 'sealed_secret');
    await refresh(id);
    const page = `kind = 'page' AND subject_id = '${pageIds[0]}'`;
    await copies.putBack('page', 'sealed_secret');
    await copies.putBack('page', 'credential', page);
    await refresh(id);
    const { credentials } = await context.connection(id);
    expect(credentials.find(({ subject_id: subject }) => subject === pageIds[0])).toMatchObject({ version: 4 });
    expect(await finds('credential.rollback_detected', id)).toEqual([
      { version: 3, found_version: 1, recorded_version: 2 },
    ]);
  });

  it('is detected after its user reconnects: each new version is audited', async () => {
    const { id, userId } = await context.importConnection({ pages: 1 });
    await copies.keep('again', 'credential', 'sealed_secret');
    const { accessToken } = context.sandbox.state.make.token({ userId });
    const body = { tenant: 'acme', product: 'pages', access_token: accessToken };
    expect((await api(context).post('/v1/connections/import', body)).status).toBe(201);
    const granted = await finds('credential.granted', id);
    expect(granted.map(({ kind, version }) => `${kind} ${version}`).sort()).toEqual(['page 2', 'user 2']);
    await copies.putBack('again', 'sealed_secret');
    await copies.putBack('again', 'credential', `connection_id = '${id}'`);
    await check(id);
    expect(await finds('credential.rollback_detected', id)).toEqual([
      { version: 3, found_version: 1, recorded_version: 2 },
      { version: 3, found_version: 1, recorded_version: 2 },
    ]);
  });

  it('is not hidden by entries that this service did not write', async () => {
    const { id } = await context.importConnection();
    await copies.keep('hidden', 'credential', 'sealed_secret');
    await refresh(id);
    const { id: credentialId } = await context.root(id);
    await copies.putBack('hidden', 'sealed_secret');
    await copies.putBack('hidden', 'credential', `connection_id = '${id}'`);
    await sql(`INSERT INTO audit_entry (id, at, action, actor_kind, subject_id, connection_id, details, mac)
      SELECT 'aud_8' || n, now(), 'credential.rollback_detected', 'system', '${credentialId}', '${id}', '{"version": 1}', m.mac
      FROM generate_series(1, 2) n, (VALUES (1, NULL), (2, '\\x00'::bytea)) m (n_of, mac) WHERE m.n_of = n`);
    const forged = await failures('audit_entry');
    await check(id);
    expect(await failures('audit_entry')).toBe(forged + 1);
    const text = `SELECT details->>'recorded_version' AS recorded FROM audit_entry
      WHERE action = 'credential.rollback_detected' AND subject_id = $1 AND id < 'aud_8'`;
    expect(await context.database.rows({ text, values: [credentialId] })).toEqual([{ recorded: '2' }]);
    await sql(`DELETE FROM audit_entry WHERE id LIKE 'aud\\_8%'`);
  });
});

describe('a rolled-back connection', () => {
  it('is revoked again if it had been revoked', async () => {
    const { id } = await context.importConnection();
    await copies.keep('revoked', 'connection', 'credential', 'sealed_secret');
    expect((await api(context).delete(`/v1/connections/${id}`)).status).toBe(200);
    await copies.putBack('revoked', 'sealed_secret');
    await copies.putBack('revoked', 'connection', `id = '${id}'`);
    await copies.putBack('revoked', 'credential', `connection_id = '${id}'`);
    expect(await context.connection(id)).toMatchObject({ status: 'active' });
    expect(await serving(id)).toBeDefined();
    expect(await examine()).toContainEqual(
      expect.stringMatching(`connections are not what the audit record says: .*${id}`),
    );
    const before = await failures('connection');
    await refresh(id);
    expect(await context.connection(id)).toMatchObject({ status: 'revoked' });
    expect(await serving(id)).toBeUndefined();
    expect(await failures('connection')).toBe(before + 1);
    expect(await finds('connection.rollback_detected', id)).toEqual([
      { status: 'active', generation: 1, found_generation: 1, recorded_status: 'revoked', recorded_generation: null },
    ]);
    expect((await finds('connection.revoked', id)).map(({ reason }) => reason)).toEqual(['api', 'rollback_detected']);
    const events = (await context.events('connection.revoked')).filter((event) => event['connection_id'] === id);
    expect(events).toMatchObject([{ reason: 'api' }, { reason: 'rollback_detected' }]);
  });

  it('is inspected if its status is not the audited one, whatever its count says', async () => {
    const { id, userId } = await context.importConnection();
    context.sandbox.state.changePassword(userId);
    await check(id);
    expect(await context.connection(id)).toMatchObject({ status: 'reauth_required' });
    await sql(`UPDATE connection SET status = 'active', status_reason = NULL WHERE id = '${id}'`);
    expect(await examine()).toContainEqual(
      expect.stringMatching(`connections are not what the audit record says: .*${id}`),
    );
    const { exchanged } = context.exchanges();
    await refresh(id);
    expect(context.exchanges().exchanged).toBe(exchanged);
    expect(await context.connection(id)).toMatchObject({ status: 'reauth_required' });
    const recorded = { recorded_status: 'reauth_required', recorded_generation: 2 };
    expect(await finds('connection.rollback_detected', id)).toEqual([
      { status: 'active', generation: 3, found_generation: 2, ...recorded },
    ]);
    const deaths = await finds('connection.reauth_required', id);
    expect(deaths.map(({ status, generation }) => [status, generation])).toEqual([
      ['reauth_required', 2],
      ['reauth_required', 4],
    ]);
  });

  it(
    'is never suspected in normal operation',
    alone(async () => {
      const { id, userId } = await context.importConnection({ expiresIn: 9 * DAY, pages: 1 });
      const before = [await failures('connection'), await failures('credential')];
      context.sandbox.state.setCheckpoint(userId, 490);
      await check(id);
      context.sandbox.state.setCheckpoint(userId, null);
      await check(id);
      await refresh(id);
      const { accessToken } = context.sandbox.state.make.token({ userId });
      await api(context).post('/v1/connections/import', {
        tenant: 'acme',
        product: 'pages',
        access_token: accessToken,
      });
      context.clock.advance(55 * DAY);
      await context.sweep.refresh();
      await context.sweep.health();
      expect(await context.connection(id)).toMatchObject({ status: 'active' });
      expect([await failures('connection'), await failures('credential')]).toEqual(before);
    }),
  );
});

it(
  'says nothing about what is no longer in the audit log',
  alone(async () => {
    const { id } = await context.importConnection();
    await refresh(id);
    context.clock.advance(40 * DAY);
    const before = new Date(context.clock.now().getTime() - 2 * DAY * 1000);
    // The last link always stays, and would name the connection.
    await context.importConnection();
    const { database } = context;
    const pruner = context.replica.app.get(AuditPruner);
    expect(await pruner.prune(SYSTEM, before, () => undefined)).toBeGreaterThan(0);
    const text = `SELECT count(*)::integer AS left FROM audit_entry WHERE connection_id = $1`;
    expect(await database.rows({ text, values: [id] })).toEqual([{ left: 0 }]);
    expect(await examine()).toEqual(['ok: no row is older than the audit record says']);
  }),
);
