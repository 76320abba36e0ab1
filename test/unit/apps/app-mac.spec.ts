import { expect, it } from '@jest/globals';
import { APP_MAC } from '../../../src/apps/app-mac.ts';
import type { AppRow } from '../../../src/apps/app-row.ts';

const ROW: AppRow = {
  app_id: '1',
  name: 'Acme',
  tenants: ['acme', 'globex'],
  instagram_app_id: '2',
  threads_app_id: null,
  login_config_ids: { pages: '7' },
  graph_api_version: 'v26.0',
  secret_ids: { app_secret: 'sec_1', webhook_verify_token: 'sec_2' },
  previous_secret_until: new Date(5),
  version: 3,
  created_at: new Date(1),
  updated_at: new Date(2),
};

/** For each column that decides something, other values with a different meaning. */
const CHANGES: Partial<{ readonly [K in keyof AppRow]: readonly AppRow[K][] }> = {
  app_id: ['9'],
  name: [''],
  tenants: [['*'], ['acme'], ['globex', 'acme']],
  instagram_app_id: [null, '3'],
  threads_app_id: ['2'],
  login_config_ids: [{}, { ads: '7' }, { pages: '8' }],
  graph_api_version: [null, 'v25.0'],
  secret_ids: [{ app_secret: 'sec_2', webhook_verify_token: 'sec_1' }, { previous_app_secret: 'sec_1' }],
  previous_secret_until: [null, new Date(6)],
  version: [4],
  created_at: [new Date(3)],
};

it('the MAC of an app covers every column that decides something', () => {
  const texts = [APP_MAC.encode(ROW)];
  for (const [column, values] of Object.entries(CHANGES))
    for (const value of values) texts.push(APP_MAC.encode({ ...ROW, [column]: value }));
  expect(new Set(texts).size).toBe(texts.length);
  expect(APP_MAC.encode({ ...ROW, updated_at: new Date(9) })).toBe(texts[0]);
});
