import { describe, expect, it } from '@jest/globals';
import { mergePhoneDetails, type PhoneCoexistence } from '../../../../src/connections/assets/phone-coexistence.ts';
import type { AssetDetails } from '../../../../src/connections/connection/asset-details.ts';

const BEFORE = new Date('2026-11-20T12:00:00.000Z');
const NOW = new Date('2026-11-22T12:00:00.000Z');
const on = (signup: PhoneCoexistence['signup']): PhoneCoexistence => ({ isOnBusinessApp: true, signup });
const OFF: PhoneCoexistence = { isOnBusinessApp: false, signup: 'unknown' };
const known: AssetDetails = {
  registration: { status: 'coexistence', at: BEFORE.toISOString() },
  synchronization: {
    deadline_at: '2026-11-21T12:00:00.000Z',
    contacts: { status: 'requested', at: BEFORE.toISOString(), request_id: 'r1' },
    history: { status: 'not_requested' },
  },
};
const NOTHING_REQUESTED = { contacts: { status: 'not_requested' }, history: { status: 'not_requested' } };

describe('a number that is found again', () => {
  it.each([
    ['nothing', undefined],
    ['registered', { registration: { status: 'registered' as const, at: 'then' } }],
    ['coexistence', known],
  ])('keeps what was known (%s) if nothing is said now', (_, details) => {
    expect(mergePhoneDetails(details, undefined, NOW)).toEqual(details ?? {});
  });

  it.each([
    ['nothing', undefined],
    ['registered', { registration: { status: 'registered' as const, at: 'then' } }],
    ['failed', { registration: { status: 'failed' as const, at: 'then', detail: 'A wrong pin.' } }],
  ])('becomes coexistence whatever was known (%s), with a day to synchronize from the signup', (_, details) => {
    for (const signup of ['confirmed', 'assumed'] as const) {
      expect(mergePhoneDetails(details, on(signup), NOW)).toEqual({
        registration: { status: 'coexistence', at: NOW.toISOString() },
        synchronization: { deadline_at: '2026-11-23T12:00:00.000Z', ...NOTHING_REQUESTED },
      });
    }
  });

  it('has no deadline if the time of signup is unknown', () => {
    expect(mergePhoneDetails(null, on('unknown'), NOW).synchronization).toEqual({
      deadline_at: null,
      ...NOTHING_REQUESTED,
    });
  });

  it('keeps its deadline across a login, and gets a new one with its own signup', () => {
    expect(mergePhoneDetails(known, on('assumed'), NOW)).toEqual(known);
    expect(mergePhoneDetails(known, on('unknown'), NOW)).toEqual(known);
    expect(mergePhoneDetails(known, on('confirmed'), NOW)).toEqual({
      registration: known.registration,
      synchronization: { deadline_at: '2026-11-23T12:00:00.000Z', ...NOTHING_REQUESTED },
    });
  });

  it('loses coexistence only when Meta says that the app does not use it', () => {
    expect(mergePhoneDetails(known, OFF, NOW)).toEqual({});
    const registered: AssetDetails = { registration: { status: 'registered', at: 'then' } };
    expect(mergePhoneDetails(registered, OFF, NOW)).toEqual(registered);
  });
});
