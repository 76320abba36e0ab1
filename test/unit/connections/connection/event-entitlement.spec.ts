import { describe, expect, it } from '@jest/globals';
import { type AssetCredential, receivesEvents } from '../../../../src/connections/connection/event-entitlement.ts';
import type { ConnectionStatus } from '../../../../src/connections/status/connection-status.ts';
import type { StatusReasonCode } from '../../../../src/connections/status/status-reason.ts';

const ROOT: AssetCredential = { isRoot: true, health: 'healthy', failure: null };
const PAGE: AssetCredential = { isRoot: false, health: 'healthy', failure: null };

/** By reason: events of an asset and of its user that the tenant gets while active, and while `reauth_required`. */
const BY_REASON: [StatusReasonCode | null, { active: [boolean, boolean]; reauthRequired: [boolean, boolean] }][] = [
  ...(
    [
      'checkpoint',
      'password_changed',
      'expired',
      'unconfirmed_user',
      'logged_out',
      'inactive_90_days',
      'data_access_expired',
      'no_page',
      'no_instagram_account',
      'no_ad_account',
      'no_whatsapp_account',
      'phone_number_missing',
      'phone_number_unverified',
      'phone_number_not_registered',
      'phone_number_lost',
      'waba_id_is_portfolio',
      'webhooks_not_subscribed',
      'discovery_refused',
    ] as const
  ).map((reason): (typeof BY_REASON)[number] => [reason, { active: [true, true], reauthRequired: [true, true] }]),
  ...(
    [
      'app_removed',
      'role_lost',
      'invalid',
      'no_page_permission',
      'whatsapp_account_lost',
      'partner_removed',
      'page_lost',
      'a_reason_of_another_release' as StatusReasonCode,
      null,
    ] as const
  ).map((reason): (typeof BY_REASON)[number] => [reason, { active: [true, true], reauthRequired: [false, false] }]),
  ['scopes_missing', { active: [false, true], reauthRequired: [false, false] }],
];

describe('whether a tenant gets events', () => {
  it.each(BY_REASON)('with the reason %s', (reason, { active, reauthRequired }) => {
    const gets = (status: ConnectionStatus) => [
      receivesEvents({ status, reason }, { asset: ROOT }),
      receivesEvents({ status, reason }, 'user'),
    ];
    expect(gets('active')).toEqual(active);
    expect(gets('reauth_required')).toEqual(reauthRequired);
    expect(gets('revoked')).toEqual([false, false]);
  });

  it.each<[string, AssetCredential | null, boolean, boolean]>([
    ['by no credential', null, false, false],
    ['by the root', ROOT, true, true],
    ['by a root found dead', { ...ROOT, health: 'invalid' }, true, true],
    ['by a Page token', PAGE, true, true],
    ['by one that expires soon', { ...PAGE, health: 'expiring' }, true, true],
    ['by one under suspicion', { ...PAGE, health: 'unknown', failure: 'check_failed' }, true, true],
    ['by one that could not be replaced yet', { ...PAGE, failure: 'meta_unavailable' }, true, true],
    ['by one just found dead', { ...PAGE, health: 'invalid' }, true, true],
    ['by one that is lost', { ...PAGE, health: 'invalid', failure: 'page_token_lost' }, false, false],
    [
      'by a dead one that could not be replaced',
      { ...PAGE, health: 'invalid', failure: 'meta_throttled' },
      false,
      true,
    ],
  ])('for an asset reached %s', (_, asset, whileActive, whileMendable) => {
    expect(receivesEvents({ status: 'active', reason: null }, { asset })).toBe(whileActive);
    expect(receivesEvents({ status: 'reauth_required', reason: 'expired' }, { asset })).toBe(whileMendable);
    expect(receivesEvents({ status: 'reauth_required', reason: 'app_removed' }, { asset })).toBe(false);
  });
});
