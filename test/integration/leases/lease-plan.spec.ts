import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Statement } from '../../../src/database/statement.ts';
import {
  type LeaseSelection,
  selectActiveAncestors,
  selectActiveLeases,
  selectionAt,
} from '../../../src/leases/gateway-lease.query.ts';
import { connect } from '../../support/connections-harness.ts';
import { copyRows } from '../../support/copy-rows.ts';
import { LEASE_REQUEST, type LeasesTestContext, openLeasesTestContext } from '../../support/leases-test-context.ts';

let context: LeasesTestContext;

beforeAll(async () => {
  context = await openLeasesTestContext();
});
afterAll(() => context?.close());

it('a call reads its lease by primary key, without its ancestors, and these so, too', async () => {
  await connect(context.connections, context.clock);
  const lease = await context.issue.issue(await context.client(), LEASE_REQUEST, 'r');
  const { longRunning: database } = context.database;
  const filled = (n: number): `lse_${string}` => `lse_${lease.lease_id.slice(4, 14)}${String(n).padStart(16, '0')}`;
  await copyRows(database, {
    table: 'lease',
    each: 'generate_series(1, 50000) n',
    where: 'o.id = $1',
    set: {
      id: `left(o.id, 14) || lpad(n::text, 16, '0')`,
      ancestor_ids: 'CASE WHEN n = 1 THEN ARRAY[o.id] END',
    },
    values: [lease.lease_id],
  });
  await database.run({ text: 'ANALYZE' });
  const explain = async (select: (selection: LeaseSelection) => Statement, id: `lse_${string}`): Promise<string> => {
    const { text, values = [] } = select(selectionAt(context.clock.now(), [id]));
    const rows = await database.rows<Record<string, string>>({ text: `EXPLAIN (ANALYZE, COSTS OFF) ${text}`, values });
    return rows.map((row) => row['QUERY PLAN']).join('\n');
  };
  for (const plan of [
    await explain(selectActiveLeases, lease.lease_id),
    await explain(selectActiveLeases, filled(1)),
    await explain(selectActiveAncestors, lease.lease_id),
  ]) {
    expect(plan.match(/ on lease\w*/g)).toEqual([' on lease_first']);
    expect(plan).toMatch(/Index Scan using lease_first_pkey on lease_first .*\(actual time/);
  }
});
