import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { ConnectLinkService } from '../../src/connect/browser/connect-link.service.ts';
import { ConnectSecrets } from '../../src/connect/sessions/connect-secrets.ts';
import { Database } from '../../src/database/database.ts';
import {
  api,
  browseToCallback,
  type ConnectSessionBody,
  type ConnectTestContext,
  completeDialog,
  countCodeExchanges,
  createSession,
  openConnectTestContext,
  RETURN_ORIGIN,
  TestBrowser,
} from '../support/connect-test-context.ts';
import type { TestReplica } from '../support/test-replica.ts';

const ORIGIN = 'http://localhost:3000';
const ENDED = 'metavault_ended';
const ATTEMPT = 'metavault_connect_';
/** The most rows that a session has, whatever happens to its link. */
const MAX_ROWS = 50;

let context: ConnectTestContext;
let other: TestReplica;
beforeAll(async () => {
  context = await openConnectTestContext();
  other = await context.startAnotherReplica();
});
afterAll(() => context?.close());

const rows = <R extends Record<string, unknown>>(text: string, values: unknown[] = []) =>
  context.replica.app.get(Database).rows<R>({ text, values });
const attemptsOf = (id: string) => rows('SELECT * FROM connect_attempt WHERE session_id = $1', [id]);
const stateOf = async (id: string) => (await api(context).get(`/v1/connect-sessions/${id}`)).body;
const locationOf = (response: request.Response) => String(response.headers['location']);
const signup = (body: Record<string, unknown> = {}) =>
  createSession(context, { product: 'whatsapp', flow: 'embedded_signup', ...body });
/** The same browser at the other replica. */
const atOther = (browser: TestBrowser): TestBrowser => {
  const same = new TestBrowser({ replica: other });
  for (const [name, value] of browser.cookies) same.cookies.set(name, value);
  return same;
};
const attemptCookies = (browser: TestBrowser) => [...browser.cookies.keys()].filter((name) => name.startsWith(ATTEMPT));
const only = (browser: TestBrowser): [string, string] => {
  const [name = ''] = attemptCookies(browser);
  return [name, browser.cookies.get(name) ?? ''];
};

/** What scanners do to a link, at both replicas at once. */
async function openByOthers({ connect_url: url }: ConnectSessionBody, times = 60): Promise<void> {
  const token = url.split('/').at(-1) ?? '';
  const links = [context.replica, other].map(({ app }) => app.get(ConnectLinkService));
  const openOne = async (index: number): Promise<void> => {
    const link = links[index % 2] as ConnectLinkService;
    await link.open(await link.find(token, undefined), undefined, { asFullPage: true, inPopup: false });
  };
  for (let done = 0; done < times; done += 20) {
    context.clock.advance(0.001);
    await Promise.all(Array.from({ length: Math.min(20, times - done) }, (_, index) => openOne(index)));
  }
}

describe('a link that others open while a user is in the dialog', () => {
  it.each([60, 6_000])('%s times breaks nobody, and stores a bounded number of rows', async (times) => {
    const openedAt = context.clock.now();
    const { session, browser, callback } = await browseToCallback(context, { tenant: `scanned-${times}` });
    // Most are stored directly, as openings store them; the last ones are real.
    await rows(
      `INSERT INTO connect_attempt (state_hash, session_id, cookie_hash, created_at, expires_at, is_signed)
        SELECT sha256(($1 || n::text)::bytea), $1, sha256(n::text::bytea), $2, $2::timestamptz + interval '10 minutes', true
        FROM generate_series(61, $3) n`,
      [session.id, context.clock.now(), times],
    );
    await openByOthers(session);
    const stored = await attemptsOf(session.id);
    expect(stored.length).toBeGreaterThan(0);
    expect(stored.length).toBeLessThanOrEqual(MAX_ROWS);
    // The row of the user in the dialog is gone.
    expect(stored.map((row) => row['created_at'])).not.toContainEqual(openedAt);
    expect(await stateOf(session.id)).toMatchObject({ status: 'open' });
    expect(locationOf(await atOther(browser).get(callback))).toContain('status=connected');
    expect(await stateOf(session.id)).toMatchObject({ status: 'connected' });
  });

  it('over HTTP breaks neither that user nor the last one', async () => {
    const { session, browser, callback } = await browseToCallback(context, { tenant: 'scanned' }, { action: 'deny' });
    for (let scan = 0; scan < 60; scan++) {
      context.clock.advance(0.01);
      await new TestBrowser(context).open(session.connect_url);
    }
    const last = new TestBrowser(context);
    const lastCallback = await completeDialog(await last.open(session.connect_url));
    expect(locationOf(await browser.get(callback))).toContain('error=access_denied');
    // The last one to open it is still in the dialog.
    expect(await stateOf(session.id)).toMatchObject({ status: 'open' });
    expect(locationOf(await last.get(lastCallback))).toContain('status=connected');
  });

  it('keeps the report of a signup, and a signup completed without a row', async () => {
    const session = await signup({ tenant: 'reported' });
    const [reporting, completing] = [new TestBrowser(context), new TestBrowser(context)];
    for (const browser of [reporting, completing]) await browser.get(session.connect_url);
    await openByOthers(session);
    const report = { event: 'FINISH', waba_id: '777' };
    const path = new URL(session.connect_url).pathname;
    expect((await reporting.post(`${path}/report`, report, ORIGIN)).status).toBe(204);
    await openByOthers(session);
    const stored = await rows<{ reported: unknown }>(
      'SELECT reported FROM connect_attempt WHERE session_id = $1 AND reported IS NOT NULL',
      [session.id],
    );
    expect(stored).toMatchObject([{ reported: report }]);
    const canceled = await completing.post(`${path}/cancel`, {}, ORIGIN);
    expect(canceled.body.redirect_to).toContain('error=access_denied');
  });

  it('stores at most a hundred reports', async () => {
    const session = await signup({ tenant: 'flooded' });
    const browsers = [new TestBrowser(context), new TestBrowser(context)] as const;
    for (const browser of browsers) await browser.get(session.connect_url);
    await rows(
      `INSERT INTO connect_attempt (state_hash, session_id, cookie_hash, created_at, expires_at, reported)
        SELECT sha256(n::text::bytea), $1, '\\x00', $2, $2, '{}' FROM generate_series(1, 99) n`,
      [session.id, context.clock.now()],
    );
    const path = `${new URL(session.connect_url).pathname}/report`;
    const reportedBy = (waba: string) =>
      rows("SELECT 1 FROM connect_attempt WHERE session_id = $1 AND reported->>'waba_id' = $2", [session.id, waba]);
    for (const waba of ['1', '2']) {
      expect((await browsers[0].post(path, { waba_id: waba }, ORIGIN)).status).toBe(204);
      expect(await reportedBy(waba)).toHaveLength(1);
    }
    expect((await browsers[1].post(path, { waba_id: '3' }, ORIGIN)).status).toBe(204);
    expect(await reportedBy('3')).toHaveLength(0);
  });
});

describe('a state', () => {
  it.each(['with', 'without'])('counts once over two replicas, %s its row', async (way) => {
    const { session, browser, callback } = await browseToCallback(context, { tenant: `once-${way}` });
    if (way === 'without') await rows('DELETE FROM connect_attempt WHERE session_id = $1', [session.id]);
    const before = countCodeExchanges(context);
    const deliveries = [browser, atOther(browser), browser, atOther(browser)].map((each) => each.get(callback));
    const ends = new Set((await Promise.all(deliveries)).map(locationOf));
    expect([...ends]).toEqual([expect.stringContaining('status=connected')]);
    expect(countCodeExchanges(context)).toBe(before + 1);
    expect(await attemptsOf(session.id)).toHaveLength(1);
  });

  it('is not accepted with a code after being refused', async () => {
    const { browser, callback, session } = await browseToCallback(context, { tenant: 'refused' });
    await rows('DELETE FROM connect_attempt WHERE session_id = $1', [session.id]);
    const denied = new URL(callback);
    denied.searchParams.delete('code');
    denied.searchParams.set('error', 'access_denied');
    const before = countCodeExchanges(context);
    const replayer = atOther(browser);
    expect(locationOf(await browser.get(denied.href))).toContain('error=access_denied');
    expect(locationOf(await replayer.get(callback))).toContain('error=access_denied');
    expect(countCodeExchanges(context)).toBe(before);
  });

  it("of somebody else's login is refused in another browser, whatever its cookies, and audited", async () => {
    const attacker = await browseToCallback(context, { tenant: 'fixed' });
    const victim = await browseToCallback(context, { tenant: 'victim' });
    const [ownName, ownValue] = only(victim.browser);
    const [attackerName] = only(attacker.browser);
    const session = await createSession(context, { tenant: 'third' });
    const third = new TestBrowser(context);
    await third.open(session.connect_url);
    const before = countCodeExchanges(context);
    for (const cookie of [
      `${ownName}=${ownValue}`,
      `${attackerName}=${ownValue}`,
      `${attackerName}=${only(third)[1]}`,
      '',
    ]) {
      const { search } = new URL(attacker.callback);
      const refused = await request(context.replica.app.getHttpServer())
        .get(`/oauth/meta/callback${search}`)
        .set('Cookie', cookie);
      expect([refused.status, refused.headers['location']]).toEqual([400, undefined]);
      expect(refused.text).toContain('state_mismatch');
    }
    expect(countCodeExchanges(context)).toBe(before);
    const entries = await rows<{ details: { code: string } }>(
      "SELECT details FROM audit_entry WHERE action = 'connect.failed' AND subject_id = $1",
      [attacker.session.id],
    );
    expect(entries.map(({ details }) => details.code)).toEqual(Array(4).fill('state_mismatch'));
  });

  it('is refused with a cookie forged in any part', async () => {
    const { browser, callback } = await browseToCallback(context, { tenant: 'forged' });
    const elsewhere = await createSession(context, { tenant: 'elsewhere' });
    const [name, value] = only(browser);
    const parts = value.split('.');
    const later = (context.clock.now().getTime() + 86_400_000).toString(36);
    const forgeries = [
      [1, elsewhere.id],
      [3, later],
      [4, 'A'.repeat(43)],
    ] as const;
    for (const [at, forged] of forgeries) {
      const stranger = new TestBrowser(context);
      stranger.cookies.set(name, parts.map((part, index) => (index === at ? forged : part)).join('.'));
      expect((await stranger.get(callback)).status).toBe(400);
    }
    expect(locationOf(await browser.get(callback))).toContain('status=connected');
  });

  it.each(['with', 'without'])('is refused after the time of its attempt, %s its row', async (way) => {
    const { session, browser, callback } = await browseToCallback(context, { tenant: `late-${way}` });
    if (way === 'without') await rows('DELETE FROM connect_attempt WHERE session_id = $1', [session.id]);
    const before = countCodeExchanges(context);
    context.clock.advance(600);
    for (const each of [browser, atOther(browser)])
      expect(locationOf(await each.get(callback))).toBe(`${RETURN_ORIGIN}/done?status=error&error=session_expired`);
    expect(countCodeExchanges(context)).toBe(before);
  });

  it('without a row is refused if another browser completed the session, or the session is gone', async () => {
    const { session, browser, callback } = await browseToCallback(context, { tenant: 'finished' });
    const first = new TestBrowser(context);
    const firstCallback = await completeDialog(await first.open(session.connect_url));
    await rows('DELETE FROM connect_attempt WHERE session_id = $1', [session.id]);
    expect(locationOf(await first.get(firstCallback))).toContain('status=connected');
    const before = countCodeExchanges(context);
    expect(locationOf(await atOther(browser).get(callback))).toContain('error=session_expired');
    await rows('DELETE FROM connect_session WHERE id = $1', [session.id]);
    expect((await atOther(browser).get(callback)).status).toBe(400);
    expect(countCodeExchanges(context)).toBe(before);
  });
});

describe("an attempt's cookie", () => {
  it.each(['approve', 'deny'] as const)('is gone after the end (%s), which is the same again', async (action) => {
    const { browser, callback } = await browseToCallback(context, { tenant: `end-${action}` }, { action });
    const end = await browser.get(callback);
    expect([...browser.cookies.keys()]).toEqual([ENDED]);
    const lines = end.headers['set-cookie'] as unknown as string[];
    expect(lines).toHaveLength(2);
    for (const line of lines) expect(line).toMatch(/; Path=\/; Max-Age=(?:0|3600); HttpOnly; SameSite=Lax$/);
    const before = countCodeExchanges(context);
    expect(locationOf(await browser.get(callback))).toBe(locationOf(end));
    expect(locationOf(await atOther(browser).get(callback))).toBe(locationOf(end));
    expect(countCodeExchanges(context)).toBe(before);
    // A browser that merely knows the address is told nothing.
    expect((await new TestBrowser(context).get(callback)).status).toBe(400);
  });

  it('is deleted with all others of a session that ended, and they see the result', async () => {
    const session = await signup({ tenant: 'all-over', confirm: true });
    const browser = new TestBrowser(context);
    const form = { 'Content-Type': 'application/x-www-form-urlencoded' };
    await browser.post(session.connect_url, undefined, ORIGIN, form);
    await browser.get(`${session.connect_url}/signup`);
    const slow = await completeDialog(await browser.open(`${session.connect_url}/dialog`));
    const callback = await completeDialog(await browser.open(`${session.connect_url}/dialog`));
    const elsewhere = await createSession(context);
    await browser.open(elsewhere.connect_url);
    expect(attemptCookies(browser)).toHaveLength(5);
    expect(locationOf(await browser.get(callback.replace(/#.*$/, '')))).toContain('status=connected');
    expect(attemptCookies(browser)).toHaveLength(1);
    expect(locationOf(await browser.get(slow.replace(/#.*$/, '')))).toContain('error=session_expired');
  });

  it('of an ended attempt lets nobody past the confirmation page', async () => {
    const session = await createSession(context, { confirm: true });
    const browser = new TestBrowser(context);
    const form = { 'Content-Type': 'application/x-www-form-urlencoded' };
    const led = await browser.post(session.connect_url, undefined, ORIGIN, form);
    await browser.get(await completeDialog(new URL(locationOf(led)), { action: 'deny' }));
    expect([...browser.cookies.keys()]).toEqual([ENDED]);
    const around = await browser.get(`${session.connect_url}/dialog`);
    expect(locationOf(around)).toBe(new URL(session.connect_url).pathname);
  });

  it('of ended attempts is one and short, whatever ended', async () => {
    const browser = new TestBrowser(context);
    for (let times = 0; times < 8; times++) {
      const session = await createSession(context, { tenant: `often-${times}` });
      await browser.get(await completeDialog(await browser.open(session.connect_url), { action: 'deny' }));
    }
    expect([...browser.cookies.keys()]).toEqual([ENDED]);
    expect(browser.cookieHeader.length).toBeLessThan(1_000);
  });

  it('is one of ten at most: the oldest are dropped, the others stay valid', async () => {
    const browser = new TestBrowser(context);
    const callbacks: string[] = [];
    for (let times = 0; times < 14; times++) {
      context.clock.advance(0.01);
      const session = await createSession(context, { tenant: `tab-${times}` });
      callbacks.push(await completeDialog(await browser.open(session.connect_url), { action: 'deny' }));
    }
    expect(attemptCookies(browser)).toHaveLength(10);
    expect((await browser.get(callbacks[3] ?? '')).status).toBe(400);
    for (const callback of callbacks.slice(4))
      expect(locationOf(await browser.get(callback))).toContain('error=access_denied');
    expect([...browser.cookies.keys()]).toEqual([ENDED]);
  });

  it('stays valid with hundreds piled up, of which a few are deleted per response', async () => {
    const browser = new TestBrowser(context);
    for (let index = 0; index < 60; index++)
      browser.cookies.set(`${ATTEMPT}${index.toString(16).padStart(16, '0')}`, 'x'.repeat(43));
    const session = await createSession(context);
    const callback = await completeDialog(await browser.open(session.connect_url));
    expect(attemptCookies(browser)).toHaveLength(41);
    expect(locationOf(await browser.get(callback))).toContain('status=connected');
  });
});

describe('an attempt opened by a replica of the previous release', () => {
  /** As that release stores it: a random cookie whose hash is in the row. */
  const makeUnsigned = async (browser: TestBrowser, { id }: { id: string }): Promise<string> => {
    const [name] = only(browser);
    const { value, hash } = context.replica.app.get(ConnectSecrets).make();
    browser.cookies.set(name, value);
    await rows('UPDATE connect_attempt SET cookie_hash = $2, is_signed = false WHERE session_id = $1', [id, hash]);
    return name.slice(ATTEMPT.length);
  };

  it('completes, however often others open its link, and repeats its result', async () => {
    const { session, browser, callback } = await browseToCallback(context, { tenant: 'before' });
    await makeUnsigned(browser, session);
    await openByOthers(session);
    expect((await new TestBrowser(context).get(callback)).status).toBe(400);
    const end = await browser.get(callback);
    expect(locationOf(end)).toContain('status=connected');
    expect([...browser.cookies.keys()]).toEqual([ENDED]);
    expect(locationOf(await browser.get(callback))).toBe(locationOf(end));
  });

  it('also completes on our signup page', async () => {
    const session = await signup({ tenant: 'before-signup' });
    const browser = new TestBrowser(context);
    await browser.get(session.connect_url);
    const name = await makeUnsigned(browser, session);
    const path = new URL(session.connect_url).pathname;
    expect(locationOf(await browser.get(`${path}/dialog`))).toContain('client_id=');
    const canceled = await browser.post(`${path}/cancel?attempt=${name}`, {}, ORIGIN);
    expect(canceled.body.redirect_to).toContain('error=access_denied');
  });

  it('has a row that such a replica can use, while there are few', async () => {
    const { browser, session } = await browseToCallback(context, { tenant: 'rolling' });
    const [row] = await attemptsOf(session.id);
    expect(row?.['cookie_hash']).toEqual(context.replica.app.get(ConnectSecrets).hash(only(browser)[1]));
  });
});
