import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Database } from '../../src/database/database.ts';
import {
  browseToCallback,
  type ConnectTestContext,
  completeConnect,
  connectionAt,
  openConnectTestContext,
} from '../support/connect-test-context.ts';

interface FailureCase {
  /** What goes wrong at Meta between link and callback. */
  goesWrong(context: ConnectTestContext, user: string): void;
  action?: 'deny' | 'error_901';
  code: string;
  sentence: RegExp;
  remedy: RegExp;
  /** Differences from a `connect.failed` with that code. */
  audit?: { action?: string; code?: string; meta?: object };
}

const refusedCode = (subcode: number) => (context: ConnectTestContext) =>
  void context.sandbox.state.faults.add({
    match: { pathPattern: 'oauth/access_token' },
    fault: { kind: 'graph_error', code: 100, subcode, message: 'no' },
  });
const NEW_LOGIN = /^Log in again to get a new code/;
const OPERATOR = /^Tell the operator: app id, app secret, redirect URI and API version/;

const FAILURE_CASES: Record<string, FailureCase> = {
  'a denial': {
    goesWrong: () => undefined,
    action: 'deny',
    code: 'access_denied',
    sentence: /login was canceled/,
    remedy: /^Open the link again/,
    audit: { action: 'connect.denied' },
  },
  'an app in development': {
    goesWrong: () => undefined,
    action: 'error_901',
    code: 'app_unavailable',
    sentence: /does not currently let this account use the app/,
    remedy: /^Ask the operator to switch the app to live/,
  },
  'a used code': {
    goesWrong: refusedCode(36009),
    code: 'code_rejected',
    sentence: /was used, has expired/,
    remedy: NEW_LOGIN,
    audit: { meta: { code: 100, subcode: 36009 } },
  },
  'an expired code': {
    goesWrong: refusedCode(36007),
    code: 'code_rejected',
    sentence: /was used, has expired/,
    remedy: NEW_LOGIN,
    audit: { meta: { code: 100, subcode: 36007 } },
  },
  'a different redirect URI': {
    goesWrong: refusedCode(36008),
    code: 'code_rejected',
    sentence: /another app or redirect URI/,
    remedy: NEW_LOGIN,
    audit: { meta: { code: 100, subcode: 36008 } },
  },
  'a wrong app secret': {
    goesWrong: (context) => {
      context.sandbox.state.appById(undefined).secret = 'another';
    },
    code: 'meta_configuration',
    sentence: /rejected this app('|&#39;)s settings/,
    remedy: OPERATOR,
    audit: { meta: { code: 1 } },
  },
  'an app unknown to Meta': {
    goesWrong: (context) =>
      void context.sandbox.state.faults.add({
        match: { pathPattern: 'oauth/access_token' },
        fault: { kind: 'graph_error', code: 101, message: 'no' },
      }),
    code: 'meta_configuration',
    sentence: /rejected this app('|&#39;)s settings/,
    remedy: OPERATOR,
    audit: { meta: { code: 101 } },
  },
  'a checkpoint': {
    goesWrong: (context, user) => context.sandbox.state.setCheckpoint(user, 459),
    code: 'code_rejected',
    sentence: /Meta has locked this account until its owner confirms it/,
    remedy: /^Log in at facebook\.com/,
    // The code was good, but its token was not.
    audit: { code: 'token_rejected', meta: { code: 190, subcode: 459 } },
  },
  'an unconfirmed account': {
    goesWrong: (context, user) => context.sandbox.state.setCheckpoint(user, 464),
    code: 'code_rejected',
    sentence: /Meta has locked this account until its owner confirms it/,
    remedy: /^Log in at facebook\.com/,
    audit: { code: 'token_rejected', meta: { code: 190, subcode: 464 } },
  },
};

describe('a failing authorization', () => {
  let context: ConnectTestContext;
  let secret: string;
  beforeAll(async () => {
    context = await openConnectTestContext();
    secret = context.sandbox.app.secret;
  });
  afterEach(() => {
    context.sandbox.state.faults.clear();
    context.sandbox.state.appById(undefined).secret = secret;
  });
  afterAll(() => context.close());

  const walk = async (failureCase: FailureCase, body: Record<string, unknown>) => {
    const { id: user } = context.sandbox.state.make.user();
    const choice = { user, ...(failureCase.action === undefined ? {} : { action: failureCase.action }) };
    const { session, browser, callback } = await browseToCallback(context, body, choice);
    failureCase.goesWrong(context, user);
    const hasReturnUrl = !('return_url' in body);
    return { session, response: hasReturnUrl ? await browser.get(callback) : await browser.arrive(callback) };
  };

  describe.each(Object.entries(FAILURE_CASES))('with %s', (_, failureCase) => {
    it('gives the product an error code', async () => {
      const { response } = await walk(failureCase, {});
      expect(new URL(String(response.headers['location'])).search).toBe(`?status=error&error=${failureCase.code}`);
    });

    it('tells the user what happened and what to do', async () => {
      const { response } = await walk(failureCase, { return_url: undefined });
      const [, sentence = '', remedy = ''] =
        /<h1>(.*?)<\/h1>\n<p>(.*?)<\/p>/s.exec(response.text.replaceAll('&#39;', "'")) ?? [];
      expect(sentence).toMatch(failureCase.sentence);
      expect(remedy).toMatch(failureCase.remedy);
      expect(response.text).toContain(`<code>${failureCase.code}</code>`);
    });

    it("records Meta's codes in the audit log", async () => {
      const { session } = await walk(failureCase, {});
      const entries = await context.replica.app
        .get(Database)
        .rows<{ action: string; details: Record<string, unknown> }>({
          text: `SELECT action, details FROM audit_entry WHERE subject_id = $1 AND action <> 'connect.session_created'`,
          values: [session.id],
        });
      expect(entries).toMatchObject([
        {
          action: failureCase.audit?.action ?? 'connect.failed',
          details: {
            code: failureCase.audit?.code ?? failureCase.code,
            ...(failureCase.audit?.meta === undefined ? {} : { meta: failureCase.audit.meta }),
          },
        },
      ]);
    });
  });

  it.each([
    ['no Page at all', [], 'no_page'],
    ['Pages without access', [{ id: '200000000000999', name: 'Not theirs' }], 'no_page_permission'],
  ])('connects a user with %s, and says what to do', async (_, data, code) => {
    const { id: user } = context.sandbox.state.make.user();
    context.sandbox.state.faults.add({
      match: { pathPattern: 'me/accounts' },
      fault: { kind: 'status', status: 200, body: { data } },
    });
    const connection = await connectionAt(context, await completeConnect(context, { tenant: code }, { user }));
    expect(connection).toMatchObject({
      status: 'active',
      status_reason: { code, detail: expect.any(String), remedy: expect.stringMatching(/connect again/i) },
      assets: data.map((page) => ({ type: 'page', id: page.id })),
    });
  });
});
