import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { AuthorizationResumeJob } from '../../../../src/connect/authorization/authorization-resume.job.ts';
import { ConnectionRepository } from '../../../../src/connections/connection/connection.repository.ts';
import { Database } from '../../../../src/database/database.ts';
import {
  api,
  browseToCallback,
  type ConnectTestContext,
  completeDialog,
  countCodeExchanges,
  createSession,
  openConnectTestContext,
  TestBrowser,
} from '../../../support/connect-test-context.ts';

const AWAY = { kind: 'html', status: 502 } as const;

describe('a token that cannot become a connection yet', () => {
  let context: ConnectTestContext;
  beforeAll(async () => {
    context = await openConnectTestContext();
  });
  afterAll(() => context.close());
  beforeEach(() => rows('DELETE FROM pending_authorization'));

  const rows = <R extends Record<string, unknown>>(text: string, values: unknown[] = []) =>
    context.replica.app.get(Database).rows<R>({ text, values });
  const pendingAuthorizations = () =>
    rows<{ stage: string; secret_id: string }>('SELECT stage, secret_id FROM pending_authorization');
  const secrets = async () => (await rows('SELECT id FROM sealed_secret')).length;
  const resume = async (seconds: number) => {
    context.clock.advance(seconds);
    await context.replica.app.get(AuthorizationResumeJob).resumeDue();
  };
  /** One user's callback, during which Meta doesn't respond to these calls. */
  const cutShort = async (pathPattern: string, body: Record<string, unknown> = {}) => {
    const session = await createSession(context, body);
    const browser = new TestBrowser(context);
    context.clock.advance(1);
    const callback = await completeDialog(await browser.open(session.connect_url));
    const fault = context.sandbox.state.faults.add({ match: { pathPattern }, fault: AWAY });
    const response = await browser.get(callback);
    return { session, browser, callback, fault, location: String(response.headers['location']) };
  };
  const audited = (sessionId: string) =>
    rows<{ action: string; actor_kind: string; details: Record<string, unknown> }>(
      `SELECT action, actor_kind, details FROM audit_entry WHERE subject_id = $1 AND action LIKE 'connect.%' ORDER BY id`,
      [sessionId],
    );

  it('stays sealed and long-lived, and the resume job finishes it', async () => {
    const before = countCodeExchanges(context);
    const { session, browser, callback, fault, location } = await cutShort('debug_token', { tenant: 'resumed' });
    expect(location).toContain('error=meta_unavailable');
    expect(await pendingAuthorizations()).toMatchObject([{ stage: 'long_lived' }]);
    await resume(700);
    expect(await pendingAuthorizations()).toHaveLength(1);
    context.sandbox.state.faults.clear(fault.id);
    await resume(700);
    expect(await pendingAuthorizations()).toEqual([]);
    const [row] = await rows<{ id: string }>(`SELECT id FROM connection WHERE tenant = 'resumed'`);
    expect((await browser.get(callback)).headers['location']).toContain(`status=connected&connection_id=${row?.id}`);
    expect(countCodeExchanges(context)).toBe(before + 1);
    const entries = await audited(session.id);
    // One entry for the user, one for the end, none for the resume job's tries.
    expect(entries.map((entry) => [entry.action, entry.actor_kind])).toEqual([
      ['connect.session_created', 'client'],
      ['connect.failed', 'browser'],
      ['connect.completed', 'system'],
    ]);
    expect(entries[1]?.details).toMatchObject({ code: 'meta_unavailable', will_retry: true });
  });

  it('is finished when the page is reloaded', async () => {
    const before = countCodeExchanges(context);
    const { browser, callback, fault, location } = await cutShort('me/accounts', { tenant: 'reloaded' });
    expect(location).toContain('error=meta_unavailable');
    expect((await browser.get(callback)).headers['location']).toContain('error=meta_unavailable');
    context.sandbox.state.faults.clear(fault.id);
    expect((await browser.get(callback)).headers['location']).toContain('status=connected');
    expect(countCodeExchanges(context)).toBe(before + 1);
  });

  it('stays sealed at stage `exchanged` if the exchange for a long-lived token fails', async () => {
    const { browser, callback } = await browseToCallback(context, { tenant: 'first-stage' });
    const fault = context.sandbox.state.faults.add({
      match: { grantType: 'fb_exchange_token' },
      fault: { kind: 'throttle', code: 4 },
    });
    expect((await browser.get(callback)).headers['location']).toContain('error=meta_unavailable');
    expect(await pendingAuthorizations()).toMatchObject([{ stage: 'exchanged' }]);
    context.sandbox.state.faults.clear(fault.id);
    await resume(700);
    const [row] = await rows<{ id: string }>(`SELECT id FROM connection WHERE tenant = 'first-stage'`);
    const view = await context.replica.app.get(ConnectionRepository).findAcrossTenants(row?.id ?? '');
    expect(Date.parse(view?.credentials[0]?.expires_at ?? '')).toBeGreaterThan(
      context.clock.now().getTime() + 59 * 86_400_000,
    );
  });

  it('is destroyed if it turns out to be dead', async () => {
    const sealed = await secrets();
    const { session, browser, callback, fault } = await cutShort('debug_token', { tenant: 'dead' });
    context.sandbox.state.faults.clear(fault.id);
    context.sandbox.state.changePassword('100000000000101');
    await resume(700);
    expect([await pendingAuthorizations(), await secrets()]).toEqual([[], sealed]);
    expect((await browser.get(callback)).headers['location']).toContain('error=code_rejected');
    expect((await audited(session.id)).at(-1)).toMatchObject({
      action: 'connect.failed',
      details: { code: 'token_rejected', meta: { code: 190 }, will_retry: false },
    });
    expect(await rows(`SELECT id FROM connection WHERE tenant = 'dead'`)).toEqual([]);
  });

  it('is destroyed after a day of retries', async () => {
    const sealed = await secrets();
    const { session, browser, callback, fault } = await cutShort('debug_token', { tenant: 'given-up' });
    await resume(23 * 3600);
    expect(await pendingAuthorizations()).toHaveLength(1);
    await resume(2 * 3600);
    context.sandbox.state.faults.clear(fault.id);
    expect([await pendingAuthorizations(), await secrets()]).toEqual([[], sealed]);
    expect((await browser.get(callback)).headers['location']).toContain('error=meta_unavailable');
    expect((await audited(session.id)).at(-1)?.details).toMatchObject({ code: 'meta_unavailable', will_retry: false });
  });

  it('is not kept if its client still has it', async () => {
    const sealed = await secrets();
    const session = await createSession(context, { tenant: 'given' });
    const { accessToken } = context.sandbox.state.make.token({ userId: '100000000000101' });
    const fault = context.sandbox.state.faults.add({ match: { pathPattern: 'me/accounts' }, fault: AWAY });
    const response = await api(context).post(`/v1/connect-sessions/${session.id}/complete`, {
      access_token: accessToken,
    });
    context.sandbox.state.faults.clear(fault.id);
    expect([response.status, response.body.code]).toEqual([503, 'meta_unavailable']);
    expect([await pendingAuthorizations(), await secrets()]).toEqual([[], sealed]);
  });

  it('does not block others', async () => {
    const { fault } = await cutShort('debug_token', { tenant: 'stuck' });
    context.sandbox.state.faults.clear(fault.id);
    const [stuck] = await pendingAuthorizations();
    // A sealed token that can't be decrypted: damaged, or sealed under another key.
    await rows(`UPDATE sealed_secret SET ciphertext = '\\x00' WHERE id = $1`, [stuck?.secret_id]);
    const { fault: second } = await cutShort('debug_token', { tenant: 'behind' });
    context.sandbox.state.faults.clear(second.id);
    await resume(700);
    expect(await rows(`SELECT id FROM connection WHERE tenant = 'behind'`)).toHaveLength(1);
    expect(await pendingAuthorizations()).toHaveLength(1);
  });

  it('is lost if its replica dies before sealing it, which the second delivery reports', async () => {
    const { session, browser, callback } = await browseToCallback(context, { tenant: 'lost' });
    // The state after a replica dies between consuming the state and receiving the exchange's response.
    await rows('UPDATE connect_attempt SET consumed_at = $2 WHERE session_id = $1', [session.id, context.clock.now()]);
    context.clock.advance(61);
    const before = countCodeExchanges(context);
    expect((await browser.get(callback)).headers['location']).toContain('error=code_rejected');
    expect(countCodeExchanges(context)).toBe(before);
  });
});
