import { describe, expect, it } from '@jest/globals';
import { splitWebhook } from '../../../src/webhooks/split-webhook.ts';

const removals = (entry: object, object = 'whatsapp_business_account') =>
  splitWebhook(Buffer.from(JSON.stringify({ object, entry: [entry] })))?.[0]?.removedAccounts;
const update = (value: object, field = 'account_update') => [{ field, value }];
const REMOVED = {
  event: 'PARTNER_REMOVED',
  waba_info: { waba_id: '980198427658004', owner_business_id: '2329417887' },
};

describe('an account that is no longer shared', () => {
  it("is named in the event; the entry has the portfolio's id", () => {
    expect(removals({ id: '2949482758682047', time: 1_739_321_024, changes: update(REMOVED) })).toEqual([
      { accountId: '980198427658004', removedAt: new Date('2025-02-12T00:43:44Z'), cause: null },
    ]);
  });

  it('comes with a cause if WhatsApp ended it', () => {
    const value = { ...REMOVED, disconnection_info: { reason: 'PRIMARY_INACTIVITY', initiated_by: 'SYSTEM' } };
    expect(removals({ id: '1', time: 1, changes: update(value) })).toMatchObject([{ cause: 'PRIMARY_INACTIVITY' }]);
  });

  it.each([
    ['milliseconds', 1_739_321_024_000, '2025-02-12T00:43:44.000Z'],
    ['a text', '1739321024', '2025-02-12T00:43:44.000Z'],
    ['nothing', undefined, undefined],
    ['not a number', 'soon', undefined],
    ['a fraction', 1.5, undefined],
  ])('takes %s for its time', (_, time, expected) => {
    expect(removals({ id: '1', time, changes: update(REMOVED) })?.[0]?.removedAt?.toISOString()).toBe(expected);
  });

  it('is the entry itself if nothing else is named', () => {
    expect(removals({ id: '11', changes: update({ event: 'PARTNER_REMOVED' }) })).toMatchObject([{ accountId: '11' }]);
    expect(removals({ id: '0', changes: update({ event: 'PARTNER_REMOVED' }) })).toEqual([]);
  });

  it.each([
    ['another event', { id: '1', changes: update({ ...REMOVED, event: 'ACCOUNT_OFFBOARDED' }) }],
    ['another field', { id: '1', changes: update(REMOVED, 'account_alerts') }],
    ['an uninstalled app', { id: '1', changes: update({ ...REMOVED, event: 'PARTNER_APP_UNINSTALLED' }) }],
    ['malformed changes', { id: '1', changes: ['x', null, { value: 5 }] }],
  ])('is not told by %s', (_, entry) => {
    expect(removals(entry)).toEqual([]);
  });

  it('is not announced by events about other objects', () => {
    expect(removals({ id: '1', changes: update(REMOVED) }, 'page')).toEqual([]);
  });
});
