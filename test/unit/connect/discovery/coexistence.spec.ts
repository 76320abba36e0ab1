import { describe, expect, it } from '@jest/globals';
import { type AuthorizationHints, readHints } from '../../../../src/connect/authorization-hints.ts';
import { coexistenceOf } from '../../../../src/connect/discovery/coexistence.ts';

const WABA = '310';
const FINISHED = 'FINISH_WHATSAPP_BUSINESS_APP_ONBOARDING';
const FEATURE = 'whatsapp_business_app_onboarding';
const of = (isOnBizApp: boolean | null, hints: Partial<AuthorizationHints>, isInteractive = true) =>
  coexistenceOf({ id: '320', isOnBizApp }, WABA, { hints: readHints(hints), isInteractive });
const on = (signup: string) => ({ isOnBusinessApp: true, signup });

describe('use of a number in the WhatsApp Business app', () => {
  it.each<[string, Partial<AuthorizationHints>]>([
    ['without a number', { event: FINISHED, wabaId: WABA }],
    ['with its number', { event: FINISHED, wabaId: WABA, phoneNumberId: '320' }],
    ['without any id', { event: FINISHED }],
    ['with its feature type as well', { event: FINISHED, featureType: FEATURE, wabaId: WABA }],
  ])('follows from the event of the signup, %s, if Meta says nothing', (_, hints) => {
    expect(of(null, hints)).toEqual(on('confirmed'));
    expect(of(true, hints)).toEqual(on('confirmed'));
  });

  it('follows from what the session asked for if there was no event', () => {
    expect(of(null, { featureType: FEATURE })).toEqual(on('assumed'));
    expect(of(true, { featureType: FEATURE })).toEqual(on('assumed'));
  });

  it.each<[string, Partial<AuthorizationHints>]>([
    ['another event', { event: 'FINISH', featureType: FEATURE, wabaId: WABA }],
    ['another number', { event: FINISHED, wabaId: WABA, phoneNumberId: '321' }],
    ['another account', { event: FINISHED, wabaId: '311' }],
    ['no signup', {}],
  ])('does not follow from %s', (_, hints) => {
    expect(of(null, hints)).toBeUndefined();
  });

  it('is decided by Meta, whatever the signup was', () => {
    expect(of(false, { event: FINISHED, wabaId: WABA })).toMatchObject({ isOnBusinessApp: false });
    expect(of(true, {})).toEqual(on('assumed'));
    expect(of(true, { event: FINISHED, phoneNumberId: '321' })).toEqual(on('assumed'));
  });

  it('says nothing about its signup if a token was supplied or nobody logged in', () => {
    expect(of(true, { isGiven: true })).toEqual(on('unknown'));
    expect(of(true, {}, false)).toEqual(on('unknown'));
  });
});
