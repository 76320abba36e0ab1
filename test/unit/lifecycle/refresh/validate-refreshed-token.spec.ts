import { describe, expect, it } from '@jest/globals';
import type { CredentialSnapshot } from '../../../../src/connections/credentials/credential-snapshot.ts';
import {
  type RefreshedTokenFacts,
  validateRefreshedToken,
} from '../../../../src/lifecycle/refresh/validate-refreshed-token.ts';
import type { ValidInspection } from '../../../../src/meta/tokens/inspection-result.ts';

const at = (iso: string): Date => new Date(iso);
const old: CredentialSnapshot = {
  id: 'crd_1',
  connectionId: 'con_1',
  tenant: 't',
  product: 'pages',
  appId: '10',
  metaUserId: '77',
  appScopedUserId: null,
  status: 'active',
  dataAccessExpiresAt: null,
  kind: 'user',
  isRoot: true,
  subjectId: '77',
  version: 3,
  sealed: null,
  storedAt: at('2026-10-01T00:00:00Z'),
  scopes: ['a', 'b'],
  issuedAt: null,
  expiresAt: at('2026-12-01T00:00:00Z'),
  health: 'healthy',
  failure: null,
  failureAttempts: 0,
  lastRefreshedAt: null,
  refreshAfter: null,
  checkDueAt: null,
  refreshDueAt: null,
  claimId: 'clm_1',
  claimedUntil: new Date('2026-01-01T00:01:00Z'),
  pending: null,
  rotationRequest: null,
};
const good: ValidInspection = {
  valid: true,
  appId: '10',
  kind: 'user',
  userId: '77',
  subjectId: '77',
  subjectName: null,
  scopes: ['a', 'b'],
  granularScopes: [],
  issuedAt: at('2026-11-22T00:00:00Z'),
  expiresAt: at('2027-01-21T00:00:00Z'),
  dataAccessExpiresAt: at('2027-02-20T00:00:00Z'),
};
const validate = (facts: Partial<RefreshedTokenFacts> = {}) =>
  validateRefreshedToken({
    old,
    pending: { expiresAt: null, scopes: null },
    isSameToken: false,
    inspection: good,
    ...facts,
  });
const dead = { valid: false, reason: 'dead', verdict: { kind: 'dead', reason: 'invalid' }, meta: {} } as const;

describe('a response is accepted', () => {
  it('with the same expiry if requested, for a different token only, and never with an earlier one', () => {
    const sameEnd = { ...good, expiresAt: old.expiresAt };
    const sooner = { ...good, expiresAt: at('2026-11-30T23:00:00Z') };
    expect(validate({ inspection: sameEnd, isForced: true }).kind).toBe('promote');
    expect(validate({ inspection: sameEnd }).kind).toBe('reject');
    expect(validate({ inspection: sameEnd, isForced: true, isSameToken: true }).kind).toBe('reject');
    expect(validate({ inspection: sooner, isForced: true }).kind).toBe('reject');
  });

  it('with a later expiry, the same app and user, and all scopes', () => {
    expect(validate()).toEqual({
      kind: 'promote',
      version: {
        scopes: ['a', 'b'],
        lostScopes: [],
        missingScopes: ['pages_show_list', 'pages_read_engagement'],
        issuedAt: good.issuedAt,
        expiresAt: good.expiresAt,
        dataAccessExpiresAt: good.dataAccessExpiresAt,
      },
    });
  });

  it('if the token never expires now', () => {
    expect(validate({ inspection: { ...good, expiresAt: null } }).kind).toBe('promote');
  });

  it('by the expiry in the response if inspection has none', () => {
    const pending = { expiresAt: at('2027-01-01T00:00:00Z'), scopes: null };
    const inspection = { ...good, appId: null, expiresAt: 'unknown' as const, scopes: null };
    const instagram = { ...old, kind: 'instagram_user' as const };
    expect(validate({ old: instagram, pending, inspection })).toMatchObject({
      kind: 'promote',
      version: { expiresAt: pending.expiresAt },
    });
    // Instagram may keep the string and extend the expiry.
    expect(validate({ old: instagram, pending, inspection, isSameToken: true }).kind).toBe('promote');
    const samePending = { expiresAt: new Date((old.expiresAt?.getTime() ?? 0) + 30_000), scopes: null };
    expect(validate({ old: instagram, pending: samePending, inspection, isSameToken: true })).toMatchObject({
      code: 'renewal_no_longer_life',
    });
  });

  it('from a rotation with any expiry if wanted, with none if not, and never with fewer scopes', () => {
    const endless = { ...old, kind: 'system_user' as const, expiresAt: null };
    const sooner = { ...good, expiresAt: at('2026-11-25T00:00:00Z') };
    expect(validate({ old: endless, inspection: sooner })).toMatchObject({ code: 'renewal_no_longer_life' });
    expect(validate({ old: endless, inspection: sooner, rotation: { mayExpire: true } }).kind).toBe('promote');
    expect(validate({ old: endless, inspection: sooner, rotation: { mayExpire: false } })).toMatchObject({
      code: 'rotation_expires',
    });
    const never = { ...good, expiresAt: null };
    expect(validate({ old: endless, inspection: never, rotation: { mayExpire: false } }).kind).toBe('promote');
    expect(
      validate({
        old,
        inspection: { ...never, scopes: ['a'] },
        oldScopesNow: ['a', 'b'],
        rotation: { mayExpire: false },
      }),
    ).toMatchObject({ code: 'renewal_fewer_scopes' });
    expect(
      validate({
        old: endless,
        inspection: { ...never, subjectId: '78', userId: '78' },
        rotation: { mayExpire: true },
      }),
    ).toMatchObject({ code: 'renewal_other_user' });
  });

  it('with fewer scopes only if the old token lost them too', () => {
    const inspection = { ...good, scopes: ['a'] };
    expect(validate({ inspection })).toEqual({ kind: 'inspect_old_token' });
    expect(validate({ inspection, oldScopesNow: ['a', 'b'] })).toMatchObject({ code: 'renewal_fewer_scopes' });
    expect(validate({ inspection, oldScopesNow: ['a'] })).toMatchObject({
      kind: 'promote',
      version: { scopes: ['a'], lostScopes: ['b'] },
    });
    expect(validate({ inspection, oldScopesNow: null }).kind).toBe('promote');
  });

  it('for a Page by its Page and its user', () => {
    const page = { ...old, kind: 'page' as const, subjectId: '500', expiresAt: null };
    const inspection = { ...good, kind: 'page' as const, subjectId: '500', expiresAt: null };
    expect(validate({ old: page, inspection }).kind).toBe('promote');
    expect(validate({ old: page, inspection: { ...inspection, subjectId: '501' } })).toMatchObject({
      code: 'renewal_other_user',
    });
    expect(validate({ old: page, inspection: { ...inspection, userId: '78' } })).toMatchObject({
      code: 'renewal_other_user',
    });
  });
});

describe('a response is rejected', () => {
  it.each([
    ['of another app', { ...good, appId: '11' }, 'renewal_other_app'],
    ['that Meta calls foreign', { valid: false, reason: 'foreign_app', appId: null }, 'renewal_other_app'],
    ['that Meta calls dead', dead, 'renewal_invalid'],
    ['of another user', { ...good, userId: '78', subjectId: '78' }, 'renewal_other_user'],
    ['with the same expiry', { ...good, expiresAt: old.expiresAt }, 'renewal_no_longer_life'],
    ['with an earlier expiry', { ...good, expiresAt: at('2026-11-30T00:00:00Z') }, 'renewal_no_longer_life'],
  ] as const)('%s', (_, inspection, code) => {
    expect(validate({ inspection: inspection as RefreshedTokenFacts['inspection'] })).toMatchObject({
      kind: 'reject',
      code,
    });
  });

  it('with an expiry if the old token had none', () => {
    expect(validate({ old: { ...old, expiresAt: null } })).toMatchObject({ code: 'renewal_no_longer_life' });
  });
});
