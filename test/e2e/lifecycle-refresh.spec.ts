import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { CredentialClaimRepository } from '../../src/connections/credentials/credential-claim.repository.ts';
import { CredentialOutcomeService } from '../../src/connections/credentials/credential-outcome.service.ts';
import { CredentialVersionService } from '../../src/connections/credentials/credential-version.service.ts';
import { AppRateLimitRepository } from '../../src/lifecycle/rate-limit/app-rate-limit.repository.ts';
import { SecretString } from '../../src/platform/secret-string.ts';
import { api, createServiceClient } from '../support/connect-test-context.ts';
import { DAY, type LifecycleTestContext, openLifecycleTestContext } from '../support/lifecycle-test-context.ts';

let context: LifecycleTestContext;

beforeAll(async () => {
  context = await openLifecycleTestContext();
});
/** A throttle stops sweeps for a minute, and its app counts as throttled for a while longer. */
const THROTTLE_SECONDS = 1200;
afterEach(async () => {
  context.sandbox.state.faults.clear();
  await context.revokeConnections();
  context.clock.advance(THROTTLE_SECONDS);
});
afterAll(() => context?.close());

const refresh = async (id: string) => {
  const response = await api(context).post(`/v1/connections/${id}/refresh`, {});
  expect(response.status).toBe(200);
  return response.body as Awaited<ReturnType<LifecycleTestContext['connection']>>;
};

/** The serving root token, which only a test may see. */
const serving = async (id: `con_${string}`): Promise<string | undefined> => {
  const root = await context.replica.app.get(CredentialClaimRepository).findRoot(id);
  if (root === null) throw new Error(`${id} has no credential`);
  return (await context.replica.app.get(CredentialVersionService).openCurrent(root))?.expose();
};

describe('a refresh', () => {
  it('happens from seven days before expiry, and gives a new version that expires later', async () => {
    const { id } = await context.importConnection({ expiresIn: 10 * DAY });
    expect((await context.sweep.refresh()).claimed).toBe(0);
    context.clock.advance(3 * DAY + 60);
    const counts = await context.sweep.refresh();
    expect(counts).toMatchObject({ claimed: 1, done: 1, failed: 0 });
    const root = await context.root(id);
    expect(root).toMatchObject({ version: 2, health: 'healthy', failure: null });
    expect(Date.parse(root.expires_at ?? '')).toBeGreaterThan(context.clock.now().getTime() + 50 * DAY * 1000);
    expect(root.last_refreshed_at).toBe(context.clock.now().toISOString());
    expect((await context.sweep.refresh()).claimed).toBe(0);
    expect(await context.events('connection.refreshed')).toContainEqual(
      expect.objectContaining({ connection_id: id, credential_version: 2 }),
    );
  });

  it('derives the Pages of all result pages again, and inspects each', async () => {
    const { id, pageIds } = await context.importConnection({ expiresIn: 6 * DAY, pages: 30 });
    const counts = await context.sweep.refresh();
    expect(counts).toMatchObject({ done: 31, failed: 0 });
    const { credentials } = await context.connection(id);
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
    ['HTML that claims success', { kind: 'html', status: 200 }, 'meta_unavailable'],
    ['text instead of a response', { kind: 'text_200' }, 'meta_unavailable'],
    ['half a response', { kind: 'truncate', bytes: 40 }, 'meta_unavailable'],
    ['a throttle', { kind: 'throttle', code: 4 }, 'meta_throttled'],
  ] as const)('that returns %s fails: the old version serves, nothing is pending', async (_, fault, code) => {
    const { id } = await context.importConnection({ expiresIn: 6 * DAY });
    context.fault(fault, { grantType: 'fb_exchange_token' }, code === 'meta_unavailable' ? 3 : 1);
    const { credentials } = await refresh(id);
    expect(credentials[0]).toMatchObject({ version: 1, failure: { code, attempts: 1 } });
    const rows = await context.database.rows({
      text: `SELECT 1 FROM credential_version v JOIN credential c ON c.id = v.credential_id WHERE c.connection_id = $1`,
      values: [id],
    });
    expect(rows).toEqual([]);
    // The bad response came once: the next try succeeds, and nothing of the failure remains.
    if (code === 'meta_throttled') context.clock.advance(THROTTLE_SECONDS);
    expect((await refresh(id)).credentials[0]).toMatchObject({ version: 2, failure: null });
  });

  it('whose response lacks expires_in takes the expiry from debug_token', async () => {
    const { id } = await context.importConnection({ expiresIn: 6 * DAY });
    context.fault({ kind: 'omit_expires_in' }, { grantType: 'fb_exchange_token' });
    const { credentials } = await refresh(id);
    expect(credentials[0]?.version).toBe(2);
    expect(Date.parse(credentials[0]?.expires_at ?? '')).toBeGreaterThan(
      context.clock.now().getTime() + 50 * DAY * 1000,
    );
  });

  it('records a scope that the user revoked as a loss, not as a failure', async () => {
    const { id, userId } = await context.importConnection({ expiresIn: 6 * DAY });
    context.sandbox.state.removeScope(userId, 'pages_manage_posts');
    const connection = await refresh(id);
    expect(connection.credentials[0]).toMatchObject({ version: 2, failure: null });
    expect(connection.scopes).not.toContain('pages_manage_posts');
    expect(await context.events('connection.refreshed')).toContainEqual(
      expect.objectContaining({ connection_id: id, lost_scopes: ['pages_manage_posts'] }),
    );
  });

  it("that can't be inspected stays pending, and is inspected, not exchanged, next time", async () => {
    const { id, token } = await context.importConnection({ expiresIn: 6 * DAY });
    context.fault({ kind: 'status', status: 500 }, { pathPattern: 'debug_token' }, 6);
    expect((await refresh(id)).credentials[0]).toMatchObject({ version: 1, failure: { code: 'meta_unavailable' } });
    context.sandbox.state.faults.clear();
    expect((await refresh(id)).credentials[0]).toMatchObject({ version: 2, failure: null });
    expect(context.sandbox.state.log.exchangesOf(token)).toBe(1);
  });

  it.each([458, 459, 460, 463, 464, 467, 490, 492, 493])(
    'refused with 190/%d ends in reauth_required with reason and remedy',
    async (subcode) => {
      const { id, token } = await context.importConnection({ expiresIn: 6 * DAY });
      context.sandbox.state.invalidateToken(token, subcode);
      const connection = await refresh(id);
      expect(connection).toMatchObject({ status: 'reauth_required', status_reason: { meta: { code: 190, subcode } } });
      expect(connection.status_reason?.remedy).toBeTruthy();
      expect(connection.credentials[0]).toMatchObject({ health: 'invalid', version: 1 });
      expect(await context.events('connection.reauth_required')).toContainEqual(
        expect.objectContaining({ connection_id: id }),
      );
    },
  );

  it('refused with an unknown subcode of 190 is inspected: a live token means failure, not death', async () => {
    const { id } = await context.importConnection({ expiresIn: 6 * DAY });
    context.fault({ kind: 'graph_error', code: 190 }, { grantType: 'fb_exchange_token' });
    expect(await refresh(id)).toMatchObject({
      status: 'active',
      credentials: [{ failure: { code: 'token_doubted' } }],
    });
    // Nothing remains that would come due during a later test.
    expect((await refresh(id)).credentials[0]).toMatchObject({ version: 2, failure: null });
  });

  it("honors the back-off in a sweep, but not on an admin's request", async () => {
    const { id } = await context.importConnection({ expiresIn: 6 * DAY });
    context.fault({ kind: 'graph_error', code: 2, status: 500 }, { grantType: 'fb_exchange_token' }, 3);
    expect(await context.sweep.refresh()).toMatchObject({ claimed: 1, failed: 1 });
    expect(await context.sweep.refresh()).toMatchObject({ claimed: 0 });
    expect((await context.root(id)).failure?.next_attempt_at).not.toBeNull();
    expect((await refresh(id)).credentials[0]).toMatchObject({ version: 2, failure: null });
  });

  it('of Instagram waits until the token is 24 hours old', async () => {
    const { id } = await context.importConnection({ kind: 'instagram_user', expiresIn: 5 * DAY });
    expect(await context.sweep.refresh()).toMatchObject({ claimed: 0 });
    expect((await refresh(id)).credentials[0]).toMatchObject({ version: 1, failure: { code: 'too_young' } });
    context.clock.advance(DAY + 60);
    await context.sweep.refresh();
    expect(await context.root(id)).toMatchObject({ version: 2, failure: null });
  });

  it('of Threads and of an expiring system-user token works alike; one without expiry is only inspected', async () => {
    const threads = await context.importConnection({ kind: 'threads_user', expiresIn: 5 * DAY });
    const system = await context.importConnection({ kind: 'system_user', expiresIn: 5 * DAY });
    const endless = await context.importConnection({ kind: 'system_user', expiresIn: null });
    context.clock.advance(DAY + 60);
    await context.sweep.refresh();
    expect((await context.root(threads.id)).version).toBe(2);
    expect((await context.root(system.id)).version).toBe(2);
    expect((await refresh(endless.id)).credentials[0]).toMatchObject({ version: 1, failure: null, expires_at: null });
  });

  it('destroys the previous version as soon as a lease uses the new one', async () => {
    const { id } = await context.importConnection({ tenant: 'user-of-it', expiresIn: 6 * DAY });
    const client = api(
      context,
      (await createServiceClient(context, { tenants: ['user-of-it'], products: ['pages'] })).key,
    );
    const lease = () => client.post('/v1/leases', { tenant: 'user-of-it', product: 'pages' }).expect(201);
    const versions = async (): Promise<number> =>
      (
        await context.database.rows({
          text: `SELECT 1 FROM credential_version v JOIN credential c ON c.id = v.credential_id
            JOIN sealed_secret s ON s.id = v.secret_id WHERE c.connection_id = $1 AND v.state = 'previous'`,
          values: [id],
        })
      ).length;
    // One on the old version doesn't use the new one.
    await lease();
    context.clock.advance(1);
    await refresh(id);
    await context.schedule.runUrgentWork();
    expect(await versions()).toBe(1);
    context.clock.advance(1);
    await lease();
    await context.schedule.runUrgentWork();
    expect(await versions()).toBe(0);
  });

  it('that fails near expiry is announced once per threshold', async () => {
    const { id } = await context.importConnection({ expiresIn: 6 * DAY });
    context.fault({ kind: 'status', status: 503 }, { grantType: 'fb_exchange_token' }, null);
    const reported = async (): Promise<unknown[]> =>
      (await context.events('connection.expiring')).filter((event) => event['connection_id'] === id);
    await refresh(id);
    await refresh(id);
    expect(await reported()).toMatchObject([{ cause: 'token_expires', days_left: 7 }]);
    context.clock.advance(5.5 * DAY);
    await refresh(id);
    expect(await reported()).toMatchObject([{ days_left: 7 }, { cause: 'token_expires', days_left: 1 }]);
    await api(context).delete(`/v1/connections/${id}`).expect(200);
  });

  it('requested while the circuit breaker is open says so, and kills nothing', async () => {
    const { id } = await context.importConnection({ expiresIn: 6 * DAY });
    const until = new Date(context.clock.now().getTime() + 60_000);
    const store = context.replica.app.get(AppRateLimitRepository);
    await store.open(context.sandbox.app.id, until);
    context.clock.advance(2);
    // A manual refresh is the probe unless one is running: here another replica just claimed it, and Meta is down.
    context.fault({ kind: 'status', status: 503 }, {}, null);
    const first = await refresh(id);
    expect(first).toMatchObject({
      status: 'active',
      credentials: [{ version: 1, failure: { code: 'meta_unavailable' } }],
    });
    context.sandbox.state.faults.clear();
    const second = await refresh(id);
    expect(second).toMatchObject({ status: 'active', credentials: [{ version: 2, failure: null }] });
    expect((await store.read(context.sandbox.app.id)).breaker).toBe('closed');
  });

  it('keeps the previous version for an hour if the new one is not used', async () => {
    const { id } = await context.importConnection({ expiresIn: 6 * DAY });
    await refresh(id);
    const previous = () =>
      context.database.rows<{ secret_id: string }>({
        text: `SELECT v.secret_id FROM credential_version v JOIN credential c ON c.id = v.credential_id
          WHERE c.connection_id = $1 AND v.state = 'previous'`,
        values: [id],
      });
    await context.schedule.runUrgentWork();
    const [kept] = await previous();
    expect(kept).toBeDefined();
    context.clock.advance(3601);
    await context.schedule.runUrgentWork();
    expect(await previous()).toEqual([]);
    expect(
      await context.database.rows({ text: 'SELECT 1 FROM sealed_secret WHERE id = $1', values: [kept?.secret_id] }),
    ).toEqual([]);
  });

  it('of one undecryptable credential holds up no others', async () => {
    const poisoned = await context.importConnection({ expiresIn: 2 * DAY });
    const sound = await context.importConnection({ expiresIn: 3 * DAY });
    await context.database.run({
      text: `UPDATE sealed_secret SET ciphertext = set_byte(ciphertext, 40, get_byte(ciphertext, 40) # 1)
        WHERE id = (SELECT secret_id FROM credential WHERE connection_id = $1)`,
      values: [poisoned.id],
    });
    expect(await context.sweep.refresh()).toMatchObject({ claimed: 2, done: 1, failed: 1 });
    expect(await context.root(poisoned.id)).toMatchObject({ failure: { code: 'seal_broken' } });
    expect((await context.root(sound.id)).version).toBe(2);
    await api(context).delete(`/v1/connections/${poisoned.id}`).expect(200);
  });
});

describe('a refresh of any kind of token', () => {
  it.each([
    ['user', 'fb_exchange_token'],
    ['system_user', 'fb_exchange_token'],
    ['instagram_user', 'ig_refresh_token'],
    ['threads_user', 'th_refresh_token'],
  ] as const)('(%s) that Meta performs, but whose response is lost, loses nothing', async (kind, grantType) => {
    const { id, token } = await context.importConnection({ kind, expiresIn: 6 * DAY });
    context.clock.advance(DAY + 60);
    // All tries of one attempt.
    context.fault({ kind: 'drop_after_commit' }, { grantType }, 3);
    await context.sweep.refresh();
    expect(await context.root(id)).toMatchObject({
      version: 1,
      failure: { code: 'meta_unavailable', attempts: 1 },
    });
    expect(await serving(id)).toBe(token);
    context.clock.advance(3600);
    await context.sweep.refresh();
    expect(await context.root(id)).toMatchObject({ version: 2, failure: null });
    expect(await serving(id)).not.toBe(token);
    // Lost once within an attempt: the attempt's own retry recovers it.
    context.clock.advance(DAY + 60);
    context.fault({ kind: 'drop_after_commit' }, { grantType }, 1);
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
  ] as const)('(%s, %s) that returns %s fails', async (kind, grantType, effect, code) => {
    const { id } = await context.importConnection({ kind, expiresIn: 6 * DAY });
    // An expiry that Meta reported; for an import from Instagram it is unknown.
    context.clock.advance(DAY + 60);
    await refresh(id);
    context.clock.advance(DAY + 60);
    const token = await serving(id);
    context.fault({ kind: effect }, { grantType });
    expect((await refresh(id)).credentials[0]).toMatchObject({ version: 2, failure: { code, attempts: 1 } });
    expect(await serving(id)).toBe(token);
    expect((await refresh(id)).credentials[0]).toMatchObject({ version: 3, failure: null });
  });
});

describe('a page token derived while its user token is being refreshed', () => {
  const claimPage = async (id: string) => {
    const claims = context.replica.app.get(CredentialClaimRepository);
    const page = (await context.connection(id)).credentials.find((one) => one.kind === 'page');
    const claimed = await claims.claimOne(page?.id ?? 'crd_', 60);
    if (claimed === null) throw new Error('no claim on the page');
    return claimed;
  };
  const dueAgain = async (id: string): Promise<boolean> =>
    (
      await context.database.rows({
        text: `SELECT 1 FROM credential WHERE connection_id = $1 AND kind = 'page' AND refresh_due_at <= $2 AND refresh_after <= $2`,
        values: [id, context.clock.now()],
      })
    ).length === 1;

  it('stays due if the old one returned the same again', async () => {
    const { id } = await context.importConnection({ expiresIn: 6 * DAY, pages: 1 });
    const page = await claimPage(id);
    await refresh(id);
    await context.replica.app.get(CredentialOutcomeService).recordUnchangedPage(page);
    expect(await dueAgain(id)).toBe(true);
    await context.sweep.refresh();
    expect(await dueAgain(id)).toBe(false);
  });

  it('stays due if the old one returned another', async () => {
    const { id } = await context.importConnection({ expiresIn: 6 * DAY, pages: 1 });
    const page = await claimPage(id);
    const versions = context.replica.app.get(CredentialVersionService);
    await versions.storePending(page, new SecretString('EAAofTheOld'), { expiresAt: null, scopes: null });
    await refresh(id);
    await versions.promote(page, { scopes: page.scopes, lostScopes: [], issuedAt: null, expiresAt: null });
    expect(await dueAgain(id)).toBe(true);
    await context.sweep.refresh();
    expect(await dueAgain(id)).toBe(false);
    expect((await context.connection(id)).credentials.find((one) => one.kind === 'page')).toMatchObject({ version: 3 });
  });
});
