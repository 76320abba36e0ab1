import { type CandidateSession, chooseSession } from '../../../../src/connect/unfinished/choose-session.ts';

const ACCOUNT = { wabaId: '11', businessId: '90' };
const session = (tenant: string, reported: Partial<CandidateSession> = {}): CandidateSession => ({
  id: `cns_${tenant}`,
  tenant,
  product: 'whatsapp',
  isPending: false,
  wabaIds: [],
  businessIds: [],
  ...reported,
});

describe('the session of an announced account', () => {
  it.each([
    ['the account', { wabaIds: ['11'] }],
    ['its portfolio', { businessIds: ['90'] }],
  ])('is the one whose browser named %s, whatever others there are', (_, reported) => {
    const meant = session('b', reported);
    expect(chooseSession([session('a'), meant, session('c', { wabaIds: ['12'] })], ACCOUNT)).toBe(meant);
  });

  it('is the only one that named nothing', () => {
    const meant = session('a');
    expect(chooseSession([session('b', { wabaIds: ['12'] }), meant], ACCOUNT)).toBe(meant);
    expect(chooseSession([session('b', { businessIds: ['91'] }), meant], ACCOUNT)).toBe(meant);
  });

  it('is the newest of one tenant', () => {
    const newest = session('a');
    expect(chooseSession([newest, session('a')], ACCOUNT)).toBe(newest);
    const named = session('a', { wabaIds: ['11'] });
    expect(chooseSession([newest, named, session('a', { wabaIds: ['11'] })], ACCOUNT)).toBe(named);
  });

  it.each<[string, CandidateSession[]]>([
    ['two tenants could be meant', [session('a'), session('b')]],
    ['two tenants named it', [session('a', { wabaIds: ['11'] }), session('b', { wabaIds: ['11'] })]],
    ['two tenants named its portfolio', [session('a', { businessIds: ['90'] }), session('b', { businessIds: ['90'] })]],
    [
      'all named others',
      [session('a', { wabaIds: ['12'], businessIds: ['90'] }), session('b', { businessIds: ['91'] })],
    ],
    ['there is none', []],
  ])('is null if %s', (_, candidates) => {
    expect(chooseSession(candidates, ACCOUNT)).toBeNull();
  });
});
