import fc from 'fast-check';
import { PRODUCTS } from '../../../../src/config/products.ts';
import { parseCallbackQuery } from '../../../../src/meta/dialog/callback-query.ts';
import { buildDialogUrl } from '../../../../src/meta/dialog/dialog-url.ts';
import { buildJsSdkParameters } from '../../../../src/meta/dialog/js-sdk-parameters.ts';
import {
  defaultScopes,
  expectedTokenKinds,
  missingScopes,
  scopesOf,
} from '../../../../src/meta/dialog/product-scopes.ts';
import { productDescriptor } from '../../../../src/meta/dialog/products.ts';
import { readRecorded } from '../read-recorded.ts';
import { META } from '../scripted-meta.ts';

const request = { redirectUri: 'https://a.test/oauth/meta/callback', state: 's t' };
const ASKED = { scopes: [], featureType: null, features: [] };
const withConfig = { ...META, loginConfigIds: { whatsapp: '555' } };

describe('dialog URL', () => {
  it('of facebook.com, by scopes', () => {
    const url = new URL(
      buildDialogUrl(META, { ...request, product: 'pages', flow: 'facebook_login', rerequest: true }),
    );
    expect(url.host + url.pathname).toBe(`dialog.test/${META.graphApiVersion}/dialog/oauth`);
    expect(Object.fromEntries(url.searchParams)).toEqual({
      client_id: '1001',
      redirect_uri: request.redirectUri,
      state: 's t',
      response_type: 'code',
      scope: defaultScopes('pages', 'facebook_login').join(','),
      auth_type: 'rerequest',
    });
  });

  it('by configuration: no scope, whatever is requested', () => {
    const url = new URL(
      buildDialogUrl(withConfig, { ...request, product: 'whatsapp', flow: 'facebook_login', scopes: ['x'] }),
    );
    expect(url.searchParams.get('config_id')).toBe('555');
    expect(url.searchParams.get('override_default_response_type')).toBe('true');
    expect(url.searchParams.has('scope')).toBe(false);
  });

  it.each([
    ['instagram', 'instagram_login', 'www.instagram.test/oauth/authorize', '2002'],
    ['threads', 'threads_login', 'threads.test/oauth/authorize', '3003'],
  ] as const)('of %s', (product, flow, address, clientId) => {
    const url = new URL(buildDialogUrl(META, { ...request, product, flow, scopes: ['a', 'b'] }));
    expect(url.host + url.pathname).toBe(address);
    expect(url.searchParams.get('client_id')).toBe(clientId);
    expect(url.searchParams.get('scope')).toBe('a,b');
  });
});

it('gives the JS SDK all parameters, and nothing for flows without it', () => {
  expect(buildJsSdkParameters(withConfig, { ...ASKED, product: 'whatsapp', flow: 'embedded_signup' })).toEqual({
    app_id: '1001',
    version: META.graphApiVersion,
    config_id: '555',
    scope: null,
    response_type: 'code',
    override_default_response_type: true,
    extras: {},
  });
  expect(buildJsSdkParameters(META, { ...ASKED, product: 'ads', flow: 'facebook_login' })).toMatchObject({
    config_id: null,
    scope: expect.stringContaining('ads_read'),
    extras: {},
  });
  expect(buildJsSdkParameters(META, { ...ASKED, product: 'threads', flow: 'threads_login' })).toBeNull();
});

it('has scopes and token kinds for every product and flow', () => {
  for (const product of PRODUCTS) {
    for (const flow of productDescriptor(product).flows) {
      expect(scopesOf(product, flow).required.length).toBeGreaterThan(0);
      expect(expectedTokenKinds(product, flow).length).toBeGreaterThan(0);
    }
  }
  expect(missingScopes('whatsapp', 'embedded_signup', ['whatsapp_business_management'])).toEqual([
    'whatsapp_business_messaging',
  ]);
});

describe('callback', () => {
  const cases = readRecorded<{ cases: { query: Record<string, string>; fragment?: string }[] }>(
    'oauth_callback_queries.json',
  ).cases;

  it('parses all recorded shapes', () => {
    expect(cases.map(({ query }) => parseCallbackQuery({ state: 'S', ...query }).kind)).toEqual([
      'denied',
      'denied',
      'app_unavailable',
      'code',
      'code',
    ]);
  });

  it.each(['#_=_', '#_', ''])('strips the suffix %j', (residue) => {
    const result = parseCallbackQuery({ code: `abc${residue}`, state: `st${residue}` });
    expect(result).toMatchObject({ kind: 'code', state: 'st' });
    expect(result.kind === 'code' && result.code.expose()).toBe('abc');
  });

  it.each([
    [
      { code: ['a', 'b'], state: 's' },
      { kind: 'malformed', state: 's' },
    ],
    [
      { code: 'a', state: ['s', 's'] },
      { kind: 'malformed', state: null },
    ],
    [
      { error: ['access_denied', 'x'], state: 's' },
      { kind: 'malformed', state: 's' },
    ],
    [
      { code: 'a', error: 'access_denied', state: 's' },
      { kind: 'malformed', state: 's' },
    ],
    [{ code: 'a' }, { kind: 'malformed', state: null }],
    [
      { code: '', state: 's' },
      { kind: 'malformed', state: 's' },
    ],
    [
      { code: 'a'.repeat(5000), state: 's' },
      { kind: 'malformed', state: 's' },
    ],
    [{}, { kind: 'malformed', state: null }],
    [
      { error: 'server_error', state: 's' },
      { kind: 'error', state: 's', error: 'server_error', errorCode: null },
    ],
    [
      { error: '<b>', error_code: '1', state: 's' },
      { kind: 'error', state: 's', error: null, errorCode: 1 },
    ],
    [
      { error: 'x', error_code: '901', state: 's' },
      { kind: 'app_unavailable', state: 's', errorCode: 901 },
    ],
  ])('%j', (query, expected) => expect(parseCallbackQuery(query)).toEqual(expected));

  it('never throws', () => {
    const value = fc.oneof(fc.string(), fc.array(fc.string()), fc.constant(undefined));
    const query = fc.dictionary(
      fc.constantFrom('code', 'state', 'error', 'error_code', 'error_message', 'error_reason', '__proto__'),
      value,
    );
    fc.assert(fc.property(query, (it) => void parseCallbackQuery(it)));
  });
});
