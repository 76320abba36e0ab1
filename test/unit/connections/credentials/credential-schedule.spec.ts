import {
  computeRefreshAfter,
  firstCheckAt,
  nextCheckAt,
  spreadCheckAt,
} from '../../../../src/connections/credentials/credential-schedule.ts';

const at = (iso: string): Date => new Date(iso);
const SETTINGS = { refreshBeforeExpirySeconds: 604_800, rotateSystemUsersDays: null };

describe('computeRefreshAfter of a system user token without expiry, with ROTATE_SYSTEM_USERS_DAYS', () => {
  const rotating = { ...SETTINGS, rotateSystemUsersDays: 90 };
  const life = { kind: 'system_user', issuedAt: null, storedAt: at('2026-01-01T00:00:00Z'), expiresAt: null } as const;

  it('goes by its age since issue, or since storage if Meta gives no issue time', () => {
    expect(computeRefreshAfter(life, rotating)).toEqual(at('2026-04-01T00:00:00Z'));
    const issuedAt = at('2025-06-01T00:00:00Z');
    expect(computeRefreshAfter({ ...life, issuedAt }, rotating)).toEqual(at('2025-08-30T00:00:00Z'));
  });

  it('is as for other tokens if it expires, and null for other kinds', () => {
    const expiresAt = at('2026-03-02T00:00:00Z');
    expect(computeRefreshAfter({ ...life, expiresAt }, rotating)).toEqual(at('2026-02-23T00:00:00Z'));
    expect(computeRefreshAfter({ ...life, kind: 'user' }, rotating)).toBeNull();
  });
});

describe('computeRefreshAfter', () => {
  const storedAt = at('2026-01-01T00:00:00Z');
  const in60Days = at('2026-03-02T00:00:00Z');

  it('is the configured time before expiry for user tokens and expiring system user tokens', () => {
    for (const kind of ['user', 'system_user'] as const) {
      const due = computeRefreshAfter({ kind, issuedAt: null, storedAt, expiresAt: in60Days }, SETTINGS);
      expect(due?.toISOString()).toBe('2026-02-23T00:00:00.000Z');
      expect(computeRefreshAfter({ kind, issuedAt: null, storedAt, expiresAt: null }, SETTINGS)).toBeNull();
    }
  });

  it('is null for Page tokens, which are derived', () => {
    expect(computeRefreshAfter({ kind: 'page', issuedAt: null, storedAt, expiresAt: in60Days }, SETTINGS)).toBeNull();
  });

  it('waits until Instagram and Threads tokens are 24 hours old', () => {
    for (const kind of ['instagram_user', 'threads_user'] as const) {
      const soon = computeRefreshAfter(
        { kind, issuedAt: null, storedAt, expiresAt: at('2026-01-03T00:00:00Z') },
        SETTINGS,
      );
      expect(soon?.toISOString()).toBe('2026-01-02T00:00:00.000Z');
      const later = computeRefreshAfter({ kind, issuedAt: storedAt, storedAt, expiresAt: in60Days }, SETTINGS);
      expect(later?.toISOString()).toBe('2026-02-23T00:00:00.000Z');
    }
  });

  it('is as soon as possible if the expiry is unknown', () => {
    const issuedAt = at('2025-12-31T12:00:00Z');
    const due = computeRefreshAfter({ kind: 'instagram_user', issuedAt, storedAt, expiresAt: null }, SETTINGS);
    expect(due?.toISOString()).toBe('2026-01-01T12:00:00.000Z');
  });
});

describe('the next inspection', () => {
  const now = at('2026-01-01T00:00:00Z');
  const hours = (date: Date): number => (date.getTime() - now.getTime()) / 3_600_000;

  it('is in a day, less up to a tenth', () => {
    expect([hours(nextCheckAt(now, 0)), hours(nextCheckAt(now, 1))]).toEqual([21.6, 24]);
  });

  it('is spread over the second half of the day after a grant', () => {
    expect([hours(firstCheckAt(now, 0)), hours(firstCheckAt(now, 1))]).toEqual([12, 24]);
  });

  it('is spread over the next day, except its first hours, after an outage', () => {
    expect([hours(spreadCheckAt(now, 0)), hours(spreadCheckAt(now, 1))]).toEqual([6, 24]);
  });
});
