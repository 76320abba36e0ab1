import { describe, expect, it } from '@jest/globals';
import { accountName, earliestEnd, worstHealth } from '../../../console/src/components/connection-summary.ts';
import { leasesByClient } from '../../../console/src/pages/connection/leases-by-client.ts';
import { daysAround, endOfDay, fillDays } from '../../../console/src/pages/overview/overview-figures.ts';
import { formatInstant, formatRelative, formatUtc } from '../../../console/src/time-format.ts';

const NOW = new Date('2026-11-29T23:30:00.000Z');

describe('days of a chart', () => {
  it('are those of UTC, today first or last', () => {
    expect(daysAround(NOW, 3)).toEqual(['2026-11-29', '2026-11-30', '2026-12-01']);
    expect(daysAround(NOW, -3)).toEqual(['2026-11-27', '2026-11-28', '2026-11-29']);
  });

  it('are all there, where the service tells only of some', () => {
    const rows = [{ date: '2026-11-30', count: 4 }];
    expect(fillDays(daysAround(NOW, 2), rows, { count: 0 }).map(({ count }) => count)).toEqual([0, 4]);
  });

  it('end where the next one begins', () => {
    expect(endOfDay('2026-12-31')).toBe('2027-01-01T00:00:00.000Z');
  });
});

describe('a time', () => {
  it('is shown in the zone of the viewer, and in UTC', () => {
    expect(formatInstant(NOW, 'en-GB', 'America/Sao_Paulo')).toBe('29 Nov 2026, 20:30');
    expect(formatUtc(NOW)).toBe('2026-11-29 23:30:00 UTC');
  });

  it.each([
    [30, 'in 30 seconds'],
    [-90, '1 minute ago'],
    [86_400 * 60, 'in 60 days'],
    [86_400 * 200, 'in 6 months'],
    [-86_400 * 800, '2 years ago'],
  ])('in %d seconds is "%s"', (seconds, text) => {
    expect(formatRelative(new Date(NOW.getTime() + seconds * 1000), NOW, 'en')).toBe(text);
  });
});

type Connection = Parameters<typeof accountName>[0];

describe('a connection', () => {
  const tokens = (...values: Partial<Connection['credentials'][number]>[]) => values as Connection['credentials'];

  it('is as healthy as its worst token', () => {
    expect(
      worstHealth({ credentials: tokens({ health: 'healthy' }, { health: 'unknown' }, { health: 'expiring' }) }),
    ).toBe('unknown');
    expect(worstHealth({ credentials: [] })).toBeNull();
  });

  it('ends with the first of its tokens, or with access to data', () => {
    const credentials = tokens({ expires_at: null }, { expires_at: '2027-01-02T00:00:00.000Z' });
    expect(earliestEnd({ credentials, data_access_expires_at: '2027-01-01T00:00:00.000Z' })).toBe(
      '2027-01-01T00:00:00.000Z',
    );
    expect(earliestEnd({ credentials, data_access_expires_at: null })).toBe('2027-01-02T00:00:00.000Z');
    expect(earliestEnd({ credentials: [], data_access_expires_at: null })).toBeNull();
  });

  it('is called after its user, else after what it reaches, else by its id', () => {
    const of = (subject: string | null, asset: string | null) =>
      accountName({
        credentials: tokens({ subject_name: subject }),
        assets: [{ name: asset }],
        meta_user_id: '7',
      } as Connection);
    expect([of('Ada', 'Bakery'), of(null, 'Bakery'), of(null, null)]).toEqual(['Ada', 'Bakery', '7']);
  });
});

describe('leases', () => {
  it('are summed up by client, who took the last one first', () => {
    const lease = (client: string, at: string, mode: 'gateway' | 'token', status: 'active' | 'expired') =>
      ({ client_id: client, issued_at: at, mode, status }) as Parameters<typeof leasesByClient>[0][number];
    const clients = leasesByClient([
      lease('cli_a', '2026-11-29T10:00:00.000Z', 'gateway', 'expired'),
      lease('cli_b', '2026-11-29T11:00:00.000Z', 'token', 'active'),
      lease('cli_a', '2026-11-29T09:00:00.000Z', 'token', 'expired'),
    ]);
    expect(clients).toEqual([
      { clientId: 'cli_b', count: 1, active: 1, gateway: 0, token: 1, lastIssuedAt: '2026-11-29T11:00:00.000Z' },
      { clientId: 'cli_a', count: 2, active: 0, gateway: 1, token: 1, lastIssuedAt: '2026-11-29T10:00:00.000Z' },
    ]);
  });
});
