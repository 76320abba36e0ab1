/** Figures of a larger installation, for pictures: as `GET /v1/overview` answers. The same at each call of a day. */
export function sampleOverview(now) {
  const day = (offset) => new Date(now.getTime() + offset * 86_400_000).toISOString().slice(0, 10);
  const wave = (index, low, high) => Math.round(low + (high - low) * Math.abs(Math.sin(index * 12.9898 + 3)));
  const products = { whatsapp: 4_210, instagram: 2_950, ads: 1_204, pages: 3_310, threads: 96 };
  const by = Object.entries(products).flatMap(([product, count]) => [
    { product, status: 'active', health: 'healthy', count: Math.round(count * 0.94) },
    { product, status: 'active', health: 'expiring', count: Math.round(count * 0.04) },
    { product, status: 'reauth_required', health: 'invalid', count: Math.round(count * 0.02) },
  ]);
  const lastWeek = (succeeded, failed) =>
    [-6, -5, -4, -3, -2, -1, 0].map((offset, index) => ({
      date: day(offset),
      succeeded: wave(index, succeeded * 0.8, succeeded),
      failed: wave(index + 5, 0, failed),
    }));
  return {
    connections: {
      total: by.reduce((sum, { count }) => sum + count, 0),
      by,
      counted_at: now.toISOString(),
    },
    expiries: Array.from({ length: 60 }, (_, index) => ({
      date: day(index),
      count: wave(index, 0, index < 7 ? 40 : 210),
    })),
    renewals: lastWeek(210, 14),
    inspections: lastWeek(11_700, 640),
    needs_person: [
      { status: 'reauth_required', reason: 'password_changed', count: 121 },
      { status: 'reauth_required', reason: 'expired', count: 64 },
      { status: 'active', reason: 'scopes_missing', count: 31 },
      { status: 'reauth_required', reason: 'app_removed', count: 18 },
      { status: 'active', reason: 'phone_number_not_registered', count: 4 },
    ],
    apps: [],
    subscriptions: { active: 12, paused: 1, ended: 0, failing: 0, undelivered: 18, dead: 0 },
    audit: { entries: 1_839_204, unlinked: 14, held_up_since: null },
    keys: {
      active_id: 'kek_01k7gm2v9s8x4d0c6b5a3n1f2e',
      active_since: now.toISOString(),
      older_in_use: 1,
      oldest_in_use_since: now.toISOString(),
    },
    generated_at: now.toISOString(),
  };
}
