import { findAnnouncedAccounts } from '../../../src/webhooks/announced-accounts.ts';
import { readJson } from '../../../src/webhooks/json-node.ts';

const WHATSAPP = 'whatsapp_business_account';
const ACCOUNT = { waba_id: '11', owner_business_id: '90' };

function accountsOf(value: object, { field = 'account_update', object = WHATSAPP } = {}) {
  const entry = readJson(JSON.stringify({ id: '90', time: 1, changes: [{ field, value }] }));
  if (entry === null) throw new Error('no JSON');
  return findAnnouncedAccounts(object, entry);
}

describe('the accounts announced by an entry', () => {
  it.each(['PARTNER_ADDED', 'PARTNER_APP_INSTALLED'])('are those of %s', (event) => {
    expect(accountsOf({ event, waba_info: ACCOUNT })).toEqual([{ wabaId: '11', businessId: '90' }]);
    expect(accountsOf({ event, waba_info: { waba_id: '11' } })).toEqual([{ wabaId: '11', businessId: null }]);
  });

  it.each<[string, object, object]>([
    ['another event', { event: 'PARTNER_REMOVED', waba_info: ACCOUNT }, {}],
    ['no event', { waba_info: ACCOUNT }, {}],
    ['no account', { event: 'PARTNER_ADDED' }, {}],
    ['an invalid id', { event: 'PARTNER_ADDED', waba_info: { waba_id: { a: 1 } } }, {}],
    ['another field', { event: 'PARTNER_ADDED', waba_info: ACCOUNT }, { field: 'messages' }],
    ['another object', { event: 'PARTNER_ADDED', waba_info: ACCOUNT }, { object: 'page' }],
  ])('are none for %s', (_, value, of) => {
    expect(accountsOf(value, of)).toEqual([]);
  });
});
