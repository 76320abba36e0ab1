import { discoverWhatsapp } from '../../../../src/connect/discovery/discover-whatsapp.ts';
import type { Discovered, DiscoveryInput } from '../../../../src/connect/discovery/discovery.ts';
import { MetaApp } from '../../../../src/meta/meta-apps.ts';
import {
  graphError,
  META,
  NOW,
  type ScriptedResponse,
  type SentRequest,
  scriptedMeta,
  TOKEN,
} from '../../meta/scripted-meta.ts';

const MANAGEMENT = 'whatsapp_business_management';
const EVENTS = 'whatsapp_business_manage_events';
const PORTFOLIO = '900';

type Number = Record<string, unknown> & { id: string };

interface Meta {
  /** Accounts this token may see, with their numbers. */
  accounts?: Record<string, Number[]>;
  /** Responses at other paths, relative to the version. */
  lists?: Record<string, string[]>;
  /** Number fields that Meta refuses. */
  refusedField?: string;
  /** How Meta refuses everything else. */
  refusal?: ScriptedResponse;
}

const list = (items: object[]): ScriptedResponse => ({ body: { data: items } });
const verified = (id: string): Number => ({ id, display_phone_number: `+${id}`, code_verification_status: 'VERIFIED' });

/** Any object has a name, so Meta returns one for every id. */
function respond(
  { accounts = {}, lists = {}, refusedField, refusal = graphError(100, 33) }: Meta,
  request: SentRequest,
) {
  const [, , id = '', edge = ''] = request.url.pathname.split('/');
  const path = `${id}/${edge}`;
  if (request.method === 'POST') return { body: { success: true } };
  if (lists[path] !== undefined) return list(lists[path].map((each) => ({ id: each })));
  if (edge === '') return { body: { id, name: `Object ${id}` } };
  const numbers = accounts[id];
  if (numbers === undefined) return refusal;
  if (edge === 'phone_numbers') {
    const fields = request.url.searchParams.get('fields')?.split(',') ?? [];
    return refusedField !== undefined && fields.includes(refusedField) ? graphError(100) : list(numbers);
  }
  return list([{ whatsapp_business_api_data: { id: META.app.id, name: 'Ours' } }]);
}

async function discover(
  meta: Meta,
  {
    hints = {},
    granularScopes = [],
    scopes = [MANAGEMENT],
    kind = 'user' as 'user' | 'system_user',
    isInteractive = true,
  }: {
    hints?: Partial<DiscoveryInput['hints']>;
    granularScopes?: { scope: string; targetIds: string[] | null }[];
    scopes?: string[];
    kind?: 'user' | 'system_user';
    isInteractive?: boolean;
  },
): Promise<Discovered & { asked: string[] }> {
  const scripted = scriptedMeta((request) => respond(meta, request));
  const input = {
    token: TOKEN,
    scopes,
    isInteractive,
    inspection: {
      valid: true,
      appId: META.app.id,
      kind,
      userId: '1',
      subjectId: '1',
      subjectName: null,
      scopes,
      granularScopes,
      issuedAt: NOW,
      expiresAt: null,
      dataAccessExpiresAt: null,
    },
    hints: { requestedScopes: [], grantedScopes: null, kind: null, isGiven: false, ...hints },
    app: new MetaApp(META),
  } as unknown as DiscoveryInput;
  const found = await discoverWhatsapp(scripted.discovery, input);
  return { ...found, asked: scripted.sent.map(({ url }) => url.pathname.split('/').slice(2).join('/')) };
}

const accountsOf = ({ assets }: Discovered) =>
  assets.filter(({ type }) => type === 'whatsapp_business_account').map(({ id }) => id);

describe('the accounts that a token reaches', () => {
  it('are those that any WhatsApp scope names, in any order, each asked once', async () => {
    const meta = { accounts: { '11': [verified('5')], '12': [verified('6')], '13': [verified('7')] } };
    const granularScopes = [
      { scope: EVENTS, targetIds: ['13', '11'] },
      { scope: MANAGEMENT, targetIds: ['11', '12'] },
      { scope: 'whatsapp_business_messaging', targetIds: null },
    ];
    const found = await discover(meta, { granularScopes, hints: { wabaId: '12' } });
    expect(accountsOf(found)).toEqual(['12', '13', '11']);
    expect(found.warning).toBeNull();
    expect(found.asked.filter((path) => path.endsWith('/phone_numbers')).sort()).toEqual([
      '11/phone_numbers',
      '12/phone_numbers',
      '13/phone_numbers',
    ]);
  });

  it('do not depend on the names of scopes: an account that responds is connected', async () => {
    const accounts = { '11': [verified('5')] };
    for (const scopes of [[EVENTS], ['business_management']]) {
      const found = await discover({ accounts }, { scopes, hints: { wabaId: '11' } });
      expect([accountsOf(found), found.warning]).toEqual([['11'], null]);
    }
  });

  it('are never objects that only have a name, such as portfolios and Pages', async () => {
    const found = await discover({}, { granularScopes: [{ scope: MANAGEMENT, targetIds: ['77'] }] });
    expect(found.assets).toEqual([]);
    expect(found.warning).toMatchObject({ code: 'no_whatsapp_account', isUnusable: true });
  });

  it('include those assigned to a system user, and those portfolios own or share, if the lists respond', async () => {
    const meta = {
      accounts: { '11': [verified('5')], '12': [verified('6')], '13': [verified('7')] },
      lists: {
        'me/assigned_whatsapp_business_accounts': ['11'],
        [`${PORTFOLIO}/owned_whatsapp_business_accounts`]: ['12', '99'],
        [`${PORTFOLIO}/client_whatsapp_business_accounts`]: ['13', '12'],
      },
    };
    const granularScopes = [{ scope: 'business_management', targetIds: [PORTFOLIO, '901'] }];
    expect(accountsOf(await discover(meta, { kind: 'system_user', granularScopes }))).toEqual(['11', '12', '13']);
    expect(accountsOf(await discover(meta, { kind: 'user', granularScopes }))).toEqual(['12', '13']);
  });

  it.each([
    ['as unknown', graphError(100, 33, 400, 'GraphMethodException')],
    ['as unknown, in the form of a wrong proof', graphError(100, undefined, 400, 'GraphMethodException')],
    ['for lack of a permission', graphError(200, undefined, 403)],
    ['for lack of a capability', graphError(3)],
  ])('leave out an id that Meta refuses %s', async (_, refusal) => {
    const meta = { accounts: { '11': [verified('5')] }, refusal };
    const granularScopes = [{ scope: MANAGEMENT, targetIds: ['99', '11'] }];
    const found = await discover(meta, { granularScopes, kind: 'system_user' });
    expect(accountsOf(found)).toEqual(['11']);
  });

  it('stay undecided in an outage', async () => {
    const meta = { refusal: graphError(2, undefined, 503) };
    await expect(discover(meta, { hints: { wabaId: '11' } })).rejects.toMatchObject({ verdict: { kind: 'transient' } });
  });

  it('are explained by the scopes if none responds', async () => {
    const found = await discover({}, { scopes: [EVENTS], hints: { wabaId: '11' } });
    expect(found.warning).toMatchObject({
      code: 'no_whatsapp_account',
      detail: expect.stringContaining(`granted ${EVENTS}, but not ${MANAGEMENT}`),
    });
  });
});

describe('the id of a portfolio instead of an account', () => {
  const owned = { [`${PORTFOLIO}/owned_whatsapp_business_accounts`]: ['11'] };
  const hints = { wabaId: PORTFOLIO };

  it.each([
    [
      'business_management names it',
      {},
      { granularScopes: [{ scope: 'business_management', targetIds: [PORTFOLIO] }] },
    ],
    ['the session message names it as its portfolio', {}, { hints: { ...hints, businessId: PORTFOLIO } }],
    ['it has a list that only portfolios have', { lists: { ...owned } }, {}],
  ])('is recognized if %s', async (_, meta, input) => {
    const found = await discover(meta, { hints, ...input });
    expect(found.warning).toMatchObject({
      code: 'waba_id_is_portfolio',
      detail: expect.stringContaining(PORTFOLIO),
      isUnusable: true,
    });
  });

  it('still connects the accounts of the portfolio', async () => {
    const found = await discover({ accounts: { '11': [verified('5')] }, lists: owned }, { hints });
    expect(accountsOf(found)).toEqual(['11']);
    expect(found.warning?.code).toBe('waba_id_is_portfolio');
    expect(found.warning?.isUnusable).toBeUndefined();
  });

  it('is not assumed if the account responds, even if the message has one id for both', async () => {
    const found = await discover(
      { accounts: { '11': [verified('5')] } },
      { hints: { wabaId: '11', businessId: '11' } },
    );
    expect([accountsOf(found), found.warning]).toEqual([['11'], null]);
  });
});

describe('the remaining task after a signup', () => {
  const hints = { wabaId: '11' };
  const warningOf = async (
    accounts: Record<string, Number[]>,
    input: Parameters<typeof discover>[1] = {},
    meta: Meta = {},
  ) => (await discover({ accounts, ...meta }, { hints, ...input })).warning;

  it('is to add a phone number if the account has none', async () => {
    expect(await warningOf({ '11': [] })).toMatchObject({
      code: 'phone_number_missing',
      detail: expect.stringContaining('11'),
    });
  });

  it('is to verify the number if Meta says it is unverified', async () => {
    expect(await warningOf({ '11': [{ ...verified('5'), code_verification_status: 'NOT_VERIFIED' }] })).toMatchObject({
      code: 'phone_number_unverified',
      detail: expect.stringContaining('+5 (5)'),
    });
    expect(await warningOf({ '11': [{ id: '5', code_verification_status: 'EXPIRED' }] })).toMatchObject({
      code: 'phone_number_unverified',
    });
  });

  it('is nothing if that is unknown or the number is in use', async () => {
    expect(await warningOf({ '11': [{ id: '5' }] })).toBeNull();
    expect(
      await warningOf({ '11': [{ id: '5', code_verification_status: 'EXPIRED', platform_type: 'CLOUD_API' }] }),
    ).toBeNull();
    expect(
      await warningOf({ '11': [{ id: '5', code_verification_status: 'NOT_VERIFIED', is_on_biz_app: true }] }),
    ).toBeNull();
  });

  it.each(['is_on_biz_app', 'code_verification_status'])(
    'is found without the field %s if Meta refuses it',
    async (refusedField) => {
      const found = await discover({ accounts: { '11': [verified('5')] }, refusedField }, { hints });
      expect(found.assets).toMatchObject([{ id: '11' }, { id: '5', name: '+5' }]);
    },
  );

  it('concerns the account and number that signed up, not older ones', async () => {
    const accounts = {
      '11': [verified('5'), { id: '6', code_verification_status: 'NOT_VERIFIED' }],
      '12': [],
    };
    const granularScopes = [{ scope: MANAGEMENT, targetIds: ['12', '11'] }];
    expect(await warningOf(accounts, { granularScopes, hints: { wabaId: '11', phoneNumberId: '5' } })).toBeNull();
    expect(await warningOf(accounts, { granularScopes })).toMatchObject({ code: 'phone_number_unverified' });
  });

  it('is the most serious of several', async () => {
    const accounts = { '11': [{ id: '6', code_verification_status: 'NOT_VERIFIED' }], '12': [] };
    const granularScopes = [{ scope: MANAGEMENT, targetIds: ['11', '12'] }];
    expect(await warningOf(accounts, { granularScopes, hints: {} })).toMatchObject({ code: 'phone_number_missing' });
    const lists = { '11/subscribed_apps': ['4711'], '12/subscribed_apps': ['4711'] };
    expect(await warningOf(accounts, { granularScopes, hints: {} }, { lists })).toMatchObject({
      code: 'webhooks_not_subscribed',
    });
  });
});
