import { describe, expect, it } from '@jest/globals';
import {
  PRIVACY_REQUEST_MAC,
  type PrivacyRequestRow,
} from '../../../../src/webhooks/privacy-requests/privacy-request-mac.ts';

const ROW: PrivacyRequestRow = {
  id: 'prq_1',
  kind: 'data_deletion',
  payload_hash: Buffer.from('payload'),
  code_hash: Buffer.from('code'),
  app_ids: ['1', '2'],
  user_secret_id: 'sec_1',
  meta_user_id: null,
  confirmation_code: null,
  issued_at: new Date(1_000),
  request_id: 'req_1',
  received_at: new Date(2_000),
  completed_at: null,
  is_hashed: true,
};

/** Other values, with another meaning, for each column. */
const CHANGES: { readonly [K in keyof PrivacyRequestRow]: readonly PrivacyRequestRow[K][] } = {
  id: ['prq_2'],
  kind: ['deauthorize'],
  payload_hash: [Buffer.from('other')],
  code_hash: [null, Buffer.from('other')],
  app_ids: [[], ['1'], ['12'], ['2', '1']],
  user_secret_id: [null, 'sec_2'],
  meta_user_id: ['', '1'],
  confirmation_code: ['', 'a'],
  issued_at: [null, new Date(1_001)],
  request_id: [null, 'req_2'],
  received_at: [new Date(2_001)],
  completed_at: [new Date(3_000)],
  is_hashed: [false],
};

describe('the MAC of a privacy request', () => {
  it('covers every column', () => {
    const texts = new Set([PRIVACY_REQUEST_MAC.encode(ROW)]);
    let count = 1;
    for (const [column, values] of Object.entries(CHANGES)) {
      for (const value of values) {
        texts.add(PRIVACY_REQUEST_MAC.encode({ ...ROW, [column]: value }));
        count++;
      }
    }
    expect(texts.size).toBe(count);
  });
});
