import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { selectActiveLeases, selectionAt } from '../../../src/leases/gateway-lease.query.ts';
import { connect } from '../../support/connections-harness.ts';
import { LEASE_REQUEST, type LeasesTestContext, openLeasesTestContext } from '../../support/leases-test-context.ts';

let context: LeasesTestContext;

beforeAll(async () => {
  context = await openLeasesTestContext();
});
afterAll(() => context?.close());

it('a call reads its lease and ancestors by primary key, and no ancestors if there are none', async () => {
  await connect(context.connections, context.clock);
  const lease = await context.issue.issue(await context.client(), LEASE_REQUEST, 'r');
  const { longRunning: database } = context.database;
  const filled = (n: number): `lse_${string}` => `lse_${lease.lease_id.slice(4, 14)}${String(n).padStart(16, '0')}`;
  await database.run({
    text: `INSERT INTO lease SELECT (jsonb_populate_record(l, jsonb_build_object('id', left(l.id, 14) || lpad(n::text, 16, '0'),
        'ancestor_ids', CASE WHEN n = 1 THEN jsonb_build_array(l.id) END))).* FROM lease l, generate_series(1, 50000) n`,
  });
  await database.run({ text: 'ANALYZE' });
  const explain = async (id: `lse_${string}`): Promise<string> => {
    const { text, values = [] } = selectActiveLeases(selectionAt(context.clock.now(), [id]));
    const rows = await database.rows<Record<string, string>>({ text: `EXPLAIN (ANALYZE, COSTS OFF) ${text}`, values });
    return rows.map((row) => row['QUERY PLAN']).join('\n');
  };
  const [own, inAnswer] = [await explain(lease.lease_id), await explain(filled(1))];
  for (const plan of [own, inAnswer]) {
    expect(plan).toMatch(/Index Scan using lease_first_pkey on lease_first /);
    expect(plan).not.toMatch(/Seq Scan on lease/);
    expect(plan).not.toMatch(/lease_default/);
  }
  expect(own).toMatch(/lease_first_pkey on lease_first lease_1 \(never executed\)/);
  expect(inAnswer).toMatch(/lease_first_pkey on lease_first lease_1 \(actual time/);
});
