import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { CredentialClaims } from '../../src/connections/credentials/credential-claim.repository.ts';
import { CredentialOutcomes } from '../../src/connections/credentials/credential-outcome.repository.ts';
import { CredentialVersions } from '../../src/connections/credentials/credential-version.repository.ts';
import { PaceStore } from '../../src/lifecycle/rate-limit/app-rate-limit.repository.ts';
import { SecretString } from '../../src/platform/secret-string.ts';
import { api, makeService } from '../support/connect-test-context.ts';
import { DAY, type LifecycleStage, lifecycleStage } from '../support/lifecycle-test-context.ts';

let stage: LifecycleStage;

beforeAll(async () => {
  stage = await lifecycleStage();
});
// A throttle of one test would stop the sweeps of the next for a minute.
afterEach(() => {
  stage.sandbox.state.faults.clear();
  stage.clock.advance(120);
});
afterAll(() => stage?.close());

const refresh = async (id: string) => {
  const answer = await api(stage).post(`/v1/connections/${id}/refresh`, {});
  expect(answer.status).toBe(200);
  return answer.body as Awaited<ReturnType<LifecycleStage['connection']>>;
};

/** The root token that serves, as only a test may see it. */
const serving = async (id: string): Promise<string | undefined> => {
  const root = await stage.replica.app.get(CredentialClaims).findRoot(id);
  if (root === null) throw new Error(`${id} has no credential`);
  return (await stage.replica.app.get(CredentialVersions).openServing(root))?.expose();
};

describe('a renewal', () => {
  it('is made from seven days before the end, and gives a new version with a later end', async () => {
    const { id } = await stage.imported({ expiresIn: 10 * DAY });
    expect((await stage.sweep.refresh()).claimed).toBe(0);
    stage.clock.advance(3 * DAY + 60);
    const counts = await stage.sweep.refresh();
    expect(counts).toMatchObject({ claimed: 1, done: 1, failed: 0 });
    const root = await stage.root(id);
    expect(root).toMatchObject({ version: 2, health: 'healthy', failure: null });
    expect(Date.parse(root.expires_at ?? '')).toBeGreaterThan(stage.clock.now().getTime() + 50 * DAY * 1000);
    expect(root.last_refreshed_at).toBe(stage.clock.now().toISOString());
    expect((await stage.sweep.refresh()).claimed).toBe(0);
    expect(await stage.events('connection.refreshed')).toContainEqual(
      expect.objectContaining({ connection_id: id, credential_version: 2 }),
    );
  });

  it('derives the pages of all pages of paging again, and inspects each', async () => {
    const { id, pageIds } = await stage.imported({ expiresIn: 6 * DAY, pages: 30 });
    const counts = await stage.sweep.refresh();
    expect(counts).toMatchObject({ done: 31, failed: 0 });
    const { credentials } = await stage.connection(id);
    expect(credentials.filter((credential) => credential.kind === 'page' && credential.version === 2)).toHaveLength(
      pageIds.length,
    );
  });

  it.each([
    ['the same token', { kind: 'same_token' }, 'renewal_no_longer_life'],
    ['a shorter expiry', { kind: 'shorter_expiry' }, 'renewal_no_longer_life'],
    ['another user', { kind: 'other_user' }, 'renewal_other_user'],
    ['fewer scopes', { kind: 'fewer_scopes' }, 'renewal_fewer_scopes'],
    ['HTML', { kind: 'html' }, 'meta_unavailable'],
    ['HTML that says it is well', { kind: 'html', status: 200 }, 'meta_unavailable'],
    ['words in place of an answer', { kind: 'text_200' }, 'meta_unavailable'],
    ['half of an answer', { kind: 'truncate', bytes: 40 }, 'meta_unavailable'],
    ['a throttle', { kind: 'throttle', code: 4 }, 'meta_throttled'],
  ] as const)('that gives %s is no success: the old version serves, nothing pends', async (_, fault, code) => {
    const { id } = await stage.imported({ expiresIn: 6 * DAY });
    stage.fault(fault, { grantType: 'fb_exchange_token' }, code === 'meta_unavailable' ? 3 : 1);
    const { credentials } = await refresh(id);
    expect(credentials[0]).toMatchObject({ version: 1, failure: { code, attempts: 1 } });
    const rows = await stage.database.rows({
      text: `SELECT 1 FROM credential_version v JOIN credential c ON c.id = v.credential_id WHERE c.connection_id = $1`,
      values: [id],
    });
    expect(rows).toEqual([]);
    // The lie was told once: the next try succeeds, and nothing of the failure stays.
    expect((await refresh(id)).credentials[0]).toMatchObject({ version: 2, failure: null });
  });

  it('whose answer lacks expires_in takes the end from debug_token', async () => {
    const { id } = await stage.imported({ expiresIn: 6 * DAY });
    stage.fault({ kind: 'omit_expires_in' }, { grantType: 'fb_exchange_token' });
    const { credentials } = await refresh(id);
    expect(credentials[0]?.version).toBe(2);
    expect(Date.parse(credentials[0]?.expires_at ?? '')).toBeGreaterThan(stage.clock.now().getTime() + 50 * DAY * 1000);
  });

  it('records a scope that the person took away as a loss, not as a failure', async () => {
    const { id, userId } = await stage.imported({ expiresIn: 6 * DAY });
    stage.sandbox.state.removeScope(userId, 'pages_manage_posts');
    const connection = await refresh(id);
    expect(connection.credentials[0]).toMatchObject({ version: 2, failure: null });
    expect(connection.scopes).not.toContain('pages_manage_posts');
    expect(await stage.events('connection.refreshed')).toContainEqual(
      expect.objectContaining({ connection_id: id, lost_scopes: ['pages_manage_posts'] }),
    );
  });

  it('that cannot be inspected stays pending, and is inspected, not exchanged, the next time', async () => {
    const { id, token } = await stage.imported({ expiresIn: 6 * DAY });
    stage.fault({ kind: 'status', status: 500 }, { pathPattern: 'debug_token' }, 6);
    expect((await refresh(id)).credentials[0]).toMatchObject({ version: 1, failure: { code: 'meta_unavailable' } });
    stage.sandbox.state.faults.clear();
    expect((await refresh(id)).credentials[0]).toMatchObject({ version: 2, failure: null });
    expect(stage.sandbox.state.log.exchangesOf(token)).toBe(1);
  });

  it.each([458, 459, 460, 463, 464, 467, 490, 492, 493])(
    'refused with 190/%d ends in reauth_required with reason and remedy',
    async (subcode) => {
      const { id, token } = await stage.imported({ expiresIn: 6 * DAY });
      stage.sandbox.state.invalidateToken(token, subcode);
      const connection = await refresh(id);
      expect(connection).toMatchObject({ status: 'reauth_required', status_reason: { meta: { code: 190, subcode } } });
      expect(connection.status_reason?.remedy).toBeTruthy();
      expect(connection.credentials[0]).toMatchObject({ health: 'invalid', version: 1 });
      expect(await stage.events('connection.reauth_required')).toContainEqual(
        expect.objectContaining({ connection_id: id }),
      );
    },
  );

  it('refused with a 190 of no known subcode is inspected: alive means failure, not death', async () => {
    const { id } = await stage.imported({ expiresIn: 6 * DAY });
    stage.fault({ kind: 'graph_error', code: 190 }, { grantType: 'fb_exchange_token' });
    expect(await refresh(id)).toMatchObject({
      status: 'active',
      credentials: [{ failure: { code: 'token_doubted' } }],
    });
    // Nothing stays that would come due in the middle of a later test.
    expect((await refresh(id)).credentials[0]).toMatchObject({ version: 2, failure: null });
  });

  it('honours the back-off in a sweep, and not in a request of an admin', async () => {
    const { id } = await stage.imported({ expiresIn: 6 * DAY });
    stage.fault({ kind: 'graph_error', code: 2, status: 500 }, { grantType: 'fb_exchange_token' }, 3);
    expect(await stage.sweep.refresh()).toMatchObject({ claimed: 1, failed: 1 });
    expect(await stage.sweep.refresh()).toMatchObject({ claimed: 0 });
    expect((await stage.root(id)).failure?.next_attempt_at).not.toBeNull();
    expect((await refresh(id)).credentials[0]).toMatchObject({ version: 2, failure: null });
  });

  it('of Instagram waits for 24 hours of age', async () => {
    const { id } = await stage.imported({ kind: 'instagram_user', expiresIn: 5 * DAY });
    expect(await stage.sweep.refresh()).toMatchObject({ claimed: 0 });
    expect((await refresh(id)).credentials[0]).toMatchObject({ version: 1, failure: { code: 'too_young' } });
    stage.clock.advance(DAY + 60);
    await stage.sweep.refresh();
    expect(await stage.root(id)).toMatchObject({ version: 2, failure: null });
  });

  it('of Threads and of a system user with an end works alike; one without an end is only inspected', async () => {
    const threads = await stage.imported({ kind: 'threads_user', expiresIn: 5 * DAY });
    const system = await stage.imported({ kind: 'system_user', expiresIn: 5 * DAY });
    const endless = await stage.imported({ kind: 'system_user', expiresIn: null });
    stage.clock.advance(DAY + 60);
    await stage.sweep.refresh();
    expect((await stage.root(threads.id)).version).toBe(2);
    expect((await stage.root(system.id)).version).toBe(2);
    expect((await refresh(endless.id)).credentials[0]).toMatchObject({ version: 1, failure: null, expires_at: null });
  });

  it('destroys the previous version as soon as a lease has been given on the new one', async () => {
    const { id } = await stage.imported({ tenant: 'user-of-it', expiresIn: 6 * DAY });
    const client = api(stage, (await makeService(stage, { tenants: ['user-of-it'], products: ['pages'] })).key);
    const lease = () => client.post('/v1/leases', { tenant: 'user-of-it', product: 'pages' }).expect(201);
    const versions = async (): Promise<number> =>
      (
        await stage.database.rows({
          text: `SELECT 1 FROM credential_version v JOIN credential c ON c.id = v.credential_id
            JOIN sealed_secret s ON s.id = v.secret_id WHERE c.connection_id = $1 AND v.state = 'previous'`,
          values: [id],
        })
      ).length;
    // One on the old version is no use of the new one.
    await lease();
    stage.clock.advance(1);
    await refresh(id);
    await stage.schedule.look();
    expect(await versions()).toBe(1);
    stage.clock.advance(1);
    await lease();
    await stage.schedule.look();
    expect(await versions()).toBe(0);
  });

  it('that fails near the end is announced, once for each threshold', async () => {
    const { id } = await stage.imported({ expiresIn: 6 * DAY });
    stage.fault({ kind: 'status', status: 503 }, { grantType: 'fb_exchange_token' }, null);
    const told = async (): Promise<unknown[]> =>
      (await stage.events('connection.expiring')).filter((event) => event['connection_id'] === id);
    await refresh(id);
    await refresh(id);
    expect(await told()).toMatchObject([{ cause: 'token_expires', days_left: 7 }]);
    stage.clock.advance(5.5 * DAY);
    await refresh(id);
    expect(await told()).toMatchObject([{ days_left: 7 }, { cause: 'token_expires', days_left: 1 }]);
    await api(stage).delete(`/v1/connections/${id}`).expect(200);
  });

  it('that was asked for while the circuit breaker is open says so, and kills nothing', async () => {
    const { id } = await stage.imported({ expiresIn: 6 * DAY });
    const until = new Date(stage.clock.now().getTime() + 60_000);
    const store = stage.replica.app.get(PaceStore);
    await store.open(stage.sandbox.app.id, until);
    stage.clock.advance(2);
    // The person's request is the probe where nobody probes: here another replica has just taken it, and Meta is down.
    stage.fault({ kind: 'status', status: 503 }, {}, null);
    const first = await refresh(id);
    expect(first).toMatchObject({
      status: 'active',
      credentials: [{ version: 1, failure: { code: 'meta_unavailable' } }],
    });
    stage.sandbox.state.faults.clear();
    const second = await refresh(id);
    expect(second).toMatchObject({ status: 'active', credentials: [{ version: 2, failure: null }] });
    expect((await store.read(stage.sandbox.app.id)).breaker).toBe('closed');
  });

  it('keeps the previous version for an hour, where the new one is not used', async () => {
    const { id } = await stage.imported({ expiresIn: 6 * DAY });
    await refresh(id);
    const previous = () =>
      stage.database.rows<{ secret_id: string }>({
        text: `SELECT v.secret_id FROM credential_version v JOIN credential c ON c.id = v.credential_id
          WHERE c.connection_id = $1 AND v.state = 'previous'`,
        values: [id],
      });
    await stage.schedule.look();
    const [kept] = await previous();
    expect(kept).toBeDefined();
    stage.clock.advance(3601);
    await stage.schedule.look();
    expect(await previous()).toEqual([]);
    expect(
      await stage.database.rows({ text: 'SELECT 1 FROM sealed_secret WHERE id = $1', values: [kept?.secret_id] }),
    ).toEqual([]);
  });

  it('of one credential that does not open holds up nobody', async () => {
    const poisoned = await stage.imported({ expiresIn: 2 * DAY });
    const sound = await stage.imported({ expiresIn: 3 * DAY });
    await stage.database.run({
      text: `UPDATE sealed_secret SET ciphertext = set_byte(ciphertext, 40, get_byte(ciphertext, 40) # 1)
        WHERE id = (SELECT secret_id FROM credential WHERE connection_id = $1)`,
      values: [poisoned.id],
    });
    expect(await stage.sweep.refresh()).toMatchObject({ claimed: 2, done: 1, failed: 1 });
    expect(await stage.root(poisoned.id)).toMatchObject({ failure: { code: 'seal_broken' } });
    expect((await stage.root(sound.id)).version).toBe(2);
    await api(stage).delete(`/v1/connections/${poisoned.id}`).expect(200);
  });
});

describe('a renewal of any kind of token', () => {
  it.each([
    ['user', 'fb_exchange_token'],
    ['system_user', 'fb_exchange_token'],
    ['instagram_user', 'ig_refresh_token'],
    ['threads_user', 'th_refresh_token'],
  ] as const)('(%s) that Meta makes, but no answer arrives, loses nothing', async (kind, grantType) => {
    const { id, token } = await stage.imported({ kind, expiresIn: 6 * DAY });
    stage.clock.advance(DAY + 60);
    // All tries of one attempt.
    stage.fault({ kind: 'drop_after_commit' }, { grantType }, 3);
    await stage.sweep.refresh();
    expect(await stage.root(id)).toMatchObject({
      version: 1,
      failure: { code: 'meta_unavailable', attempts: 1 },
    });
    expect(await serving(id)).toBe(token);
    stage.clock.advance(3600);
    await stage.sweep.refresh();
    expect(await stage.root(id)).toMatchObject({ version: 2, failure: null });
    expect(await serving(id)).not.toBe(token);
    // Lost once within an attempt: the repeat of the same attempt mends it.
    stage.clock.advance(DAY + 60);
    stage.fault({ kind: 'drop_after_commit' }, { grantType }, 1);
    expect((await refresh(id)).credentials[0]).toMatchObject({ version: 3, failure: null });
  });

  it.each([
    ['instagram_user', 'ig_refresh_token', 'same_token', 'renewal_no_longer_life'],
    ['instagram_user', 'ig_refresh_token', 'shorter_expiry', 'renewal_no_longer_life'],
    ['instagram_user', 'ig_refresh_token', 'other_user', 'renewal_other_user'],
    ['threads_user', 'th_refresh_token', 'same_token', 'renewal_no_longer_life'],
    ['threads_user', 'th_refresh_token', 'shorter_expiry', 'renewal_no_longer_life'],
    ['threads_user', 'th_refresh_token', 'other_user', 'renewal_other_user'],
    ['system_user', 'fb_exchange_token', 'same_token', 'renewal_no_longer_life'],
    ['system_user', 'fb_exchange_token', 'fewer_scopes', 'renewal_fewer_scopes'],
  ] as const)('(%s, %s) that gives %s is no success', async (kind, grantType, effect, code) => {
    const { id } = await stage.imported({ kind, expiresIn: 6 * DAY });
    // An end that Meta told; with an import of Instagram's it is unknown.
    stage.clock.advance(DAY + 60);
    await refresh(id);
    stage.clock.advance(DAY + 60);
    const token = await serving(id);
    stage.fault({ kind: effect }, { grantType });
    expect((await refresh(id)).credentials[0]).toMatchObject({ version: 2, failure: { code, attempts: 1 } });
    expect(await serving(id)).toBe(token);
    expect((await refresh(id)).credentials[0]).toMatchObject({ version: 3, failure: null });
  });
});

describe('a page token that is being derived while its user token is renewed', () => {
  const claimPage = async (id: string) => {
    const claims = stage.replica.app.get(CredentialClaims);
    const page = (await stage.connection(id)).credentials.find((one) => one.kind === 'page');
    const claimed = await claims.claimOne(page?.id ?? '', 60);
    if (claimed === null) throw new Error('no claim on the page');
    return claimed;
  };
  const dueAgain = async (id: string): Promise<boolean> =>
    (
      await stage.database.rows({
        text: `SELECT 1 FROM credential WHERE connection_id = $1 AND kind = 'page' AND refresh_due_at <= $2 AND refresh_after <= $2`,
        values: [id, stage.clock.now()],
      })
    ).length === 1;

  it('stays due where the old one gave the same again', async () => {
    const { id } = await stage.imported({ expiresIn: 6 * DAY, pages: 1 });
    const page = await claimPage(id);
    await refresh(id);
    await stage.replica.app.get(CredentialOutcomes).pageUnchanged(page);
    expect(await dueAgain(id)).toBe(true);
    await stage.sweep.refresh();
    expect(await dueAgain(id)).toBe(false);
  });

  it('stays due where the old one gave another', async () => {
    const { id } = await stage.imported({ expiresIn: 6 * DAY, pages: 1 });
    const page = await claimPage(id);
    const versions = stage.replica.app.get(CredentialVersions);
    await versions.storePending(page, new SecretString('EAAofTheOld'), { expiresAt: null, scopes: null });
    await refresh(id);
    await versions.promote(page, { scopes: page.scopes, lostScopes: [], issuedAt: null, expiresAt: null });
    expect(await dueAgain(id)).toBe(true);
    await stage.sweep.refresh();
    expect(await dueAgain(id)).toBe(false);
    expect((await stage.connection(id)).credentials.find((one) => one.kind === 'page')).toMatchObject({ version: 3 });
  });
});
