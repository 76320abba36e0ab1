import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Database } from '../../src/database/database.ts';
import {
  type ConnectStage,
  connectionAt,
  connectStage,
  goThrough,
  goToCallback,
} from '../support/connect-test-context.ts';

interface Journey {
  /** What goes wrong at Meta, between the link and the callback. */
  goesWrong(stage: ConnectStage, user: string): void;
  action?: 'deny' | 'error_901';
  code: string;
  sentence: RegExp;
  remedy: RegExp;
  /** What differs from a `connect.failed` with that code. */
  audit?: { action?: string; code?: string; meta?: object };
}

const refusedCode = (subcode: number) => (stage: ConnectStage) =>
  void stage.sandbox.state.faults.add({
    match: { pathPattern: 'oauth/access_token' },
    fault: { kind: 'graph_error', code: 100, subcode, message: 'no' },
  });
const NEW_LOGIN = /^Log in again: every login gives a new code/;
const OPERATOR = /^Tell the operator: app id, app secret, redirect URI and API version/;

const JOURNEYS: Record<string, Journey> = {
  'a person who says no': {
    goesWrong: () => undefined,
    action: 'deny',
    code: 'access_denied',
    sentence: /login was cancelled/,
    remedy: /^Open the link again/,
    audit: { action: 'connect.denied' },
  },
  'an app in development': {
    goesWrong: () => undefined,
    action: 'error_901',
    code: 'app_unavailable',
    sentence: /app is not open to this account/,
    remedy: /^Ask the operator to switch the app to live/,
  },
  'a code that was used': {
    goesWrong: refusedCode(36009),
    code: 'code_rejected',
    sentence: /used before, has expired/,
    remedy: NEW_LOGIN,
    audit: { meta: { code: 100, subcode: 36009 } },
  },
  'a code that has expired': {
    goesWrong: refusedCode(36007),
    code: 'code_rejected',
    sentence: /used before, has expired/,
    remedy: NEW_LOGIN,
    audit: { meta: { code: 100, subcode: 36007 } },
  },
  'a redirect URI that differs': {
    goesWrong: refusedCode(36008),
    code: 'code_rejected',
    sentence: /another app or redirect URI/,
    remedy: NEW_LOGIN,
    audit: { meta: { code: 100, subcode: 36008 } },
  },
  'a wrong app secret': {
    goesWrong: (stage) => {
      stage.sandbox.state.appById(undefined).secret = 'another';
    },
    code: 'meta_configuration',
    sentence: /refuses the settings of this app/,
    remedy: OPERATOR,
    audit: { meta: { code: 1 } },
  },
  'an app that Meta does not know': {
    goesWrong: (stage) =>
      void stage.sandbox.state.faults.add({
        match: { pathPattern: 'oauth/access_token' },
        fault: { kind: 'graph_error', code: 101, message: 'no' },
      }),
    code: 'meta_configuration',
    sentence: /refuses the settings of this app/,
    remedy: OPERATOR,
    audit: { meta: { code: 101 } },
  },
  'a checkpoint': {
    goesWrong: (stage, user) => stage.sandbox.state.setCheckpoint(user, 459),
    code: 'code_rejected',
    sentence: /Meta holds this account back until its owner has confirmed it/,
    remedy: /^Log in at facebook\.com/,
    // The code was good; the token that it gave was not.
    audit: { code: 'token_rejected', meta: { code: 190, subcode: 459 } },
  },
  'an account that was never confirmed': {
    goesWrong: (stage, user) => stage.sandbox.state.setCheckpoint(user, 464),
    code: 'code_rejected',
    sentence: /Meta holds this account back until its owner has confirmed it/,
    remedy: /^Log in at facebook\.com/,
    audit: { code: 'token_rejected', meta: { code: 190, subcode: 464 } },
  },
};

describe('a journey that goes wrong', () => {
  let stage: ConnectStage;
  let secret: string;
  beforeAll(async () => {
    stage = await connectStage();
    secret = stage.sandbox.app.secret;
  });
  afterEach(() => {
    stage.sandbox.state.faults.clear();
    stage.sandbox.state.appById(undefined).secret = secret;
  });
  afterAll(() => stage.close());

  const walk = async (journey: Journey, body: Record<string, unknown>) => {
    const { id: user } = stage.sandbox.state.make.user();
    const choice = { user, ...(journey.action === undefined ? {} : { action: journey.action }) };
    const { session, browser, callback } = await goToCallback(stage, body, choice);
    journey.goesWrong(stage, user);
    return { session, answer: await browser.get(callback) };
  };

  describe.each(Object.entries(JOURNEYS))('with %s', (_, journey) => {
    it('tells the product by a word', async () => {
      const { answer } = await walk(journey, {});
      expect(new URL(String(answer.headers['location'])).search).toBe(`?status=error&error=${journey.code}`);
    });

    it('tells the person in a sentence, with something to do', async () => {
      const { answer } = await walk(journey, { return_url: undefined });
      const [, sentence = '', remedy = ''] =
        /<h1>(.*?)<\/h1>\n<p>(.*?)<\/p>/s.exec(answer.text.replaceAll('&#39;', "'")) ?? [];
      expect(sentence).toMatch(journey.sentence);
      expect(remedy).toMatch(journey.remedy);
      expect(answer.text).toContain(`<code>${journey.code}</code>`);
    });

    it("tells the auditor, with Meta's codes", async () => {
      const { session } = await walk(journey, {});
      const entries = await stage.replica.app.get(Database).rows<{ action: string; details: Record<string, unknown> }>({
        text: `SELECT action, details FROM audit_entry WHERE subject_id = $1 AND action <> 'connect.session_created'`,
        values: [session.id],
      });
      expect(entries).toMatchObject([
        {
          action: journey.audit?.action ?? 'connect.failed',
          details: {
            code: journey.audit?.code ?? journey.code,
            ...(journey.audit?.meta === undefined ? {} : { meta: journey.audit.meta }),
          },
        },
      ]);
    });
  });

  it.each([
    ['no Page at all', [], 'no_page'],
    ['Pages that give no access', [{ id: '200000000000999', name: 'Not theirs' }], 'no_page_permission'],
  ])('connects a person with %s, and says what to do', async (_, data, code) => {
    const { id: user } = stage.sandbox.state.make.user();
    stage.sandbox.state.faults.add({
      match: { pathPattern: 'me/accounts' },
      fault: { kind: 'status', status: 200, body: { data } },
    });
    const connection = await connectionAt(stage, await goThrough(stage, { tenant: code }, { user }));
    expect(connection).toMatchObject({
      status: 'active',
      status_reason: { code, detail: expect.any(String), remedy: expect.stringMatching(/connect again/i) },
      assets: data.map((page) => ({ type: 'page', id: page.id })),
    });
  });
});
