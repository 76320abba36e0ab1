import { describe, expect, it } from '@jest/globals';
import { CONNECT_SESSION_MAC, type CoveredSession } from '../../../src/connect/connect-session-mac.ts';

const ROW: CoveredSession = {
  id: 'cns_1',
  token_hash: Buffer.from('hash'),
  tenant: 'acme',
  product: 'pages',
  flow: 'facebook_login',
  scopes: ['pages_show_list', 'pages_messaging'],
  return_url: 'https://app.example/done',
  origin: 'https://app.example',
  client_id: 'cli_1',
  created_at: new Date(1_000),
  expires_at: new Date(2_000),
  feature_type: null,
  features: null,
  expected: { meta_user_id: '1', business_id: '2' },
  confirm: true,
  tenant_name: 'Acme',
  connection_id: null,
  closed_at: null,
  app_id: null,
};

/** For each column, other values with a different meaning. */
const CHANGES: { readonly [K in keyof CoveredSession]: readonly CoveredSession[K][] } = {
  id: ['cns_2'],
  token_hash: [Buffer.from('other'), Buffer.alloc(0)],
  tenant: ['evil', ''],
  product: ['whatsapp'],
  flow: ['embedded_signup'],
  scopes: [[], ['pages_show_list'], ['pages_messaging', 'pages_show_list'], ['pages_show_listpages_messaging']],
  return_url: [null, '', 'https://evil.example/'],
  origin: [null, '', 'https://evil.example'],
  client_id: ['cli_2'],
  created_at: [new Date(1_001)],
  expires_at: [new Date(2_001)],
  feature_type: ['whatsapp_business_app_onboarding'],
  features: [[], ['marketing_messages_lite']],
  expected: [null, { meta_user_id: '1' }, { meta_user_id: '2', business_id: '1' }],
  confirm: [false],
  tenant_name: [null, ''],
  connection_id: ['con_1'],
  closed_at: [new Date(0)],
  app_id: ['1', ''],
};

describe('the MAC of a connect session', () => {
  it('covers every column that decides something', () => {
    const texts = new Set([CONNECT_SESSION_MAC.encode(ROW)]);
    let count = 1;
    for (const [column, values] of Object.entries(CHANGES)) {
      for (const value of values) {
        texts.add(CONNECT_SESSION_MAC.encode({ ...ROW, [column]: value }));
        count++;
      }
    }
    expect(texts.size).toBe(count);
  });

  it('does not take an origin for an app', () => {
    const [origin, app] = [{ origin: '1' }, { origin: null, app_id: '1' }].map((of) =>
      CONNECT_SESSION_MAC.encode({ ...ROW, ...of }),
    );
    expect(origin).not.toBe(app);
  });

  it('ignores the key order in which Postgres returns what is expected', () => {
    const expected = { business_id: '2', meta_user_id: '1' };
    expect(CONNECT_SESSION_MAC.encode({ ...ROW, expected })).toBe(CONNECT_SESSION_MAC.encode(ROW));
  });
});
