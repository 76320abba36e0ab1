import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Database } from '../../../../src/database/database.ts';
import { EventBacklogQuery } from '../../../../src/events/deliveries/event-backlog.query.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { type OpenDatabase, openFreshDatabase } from '../../../support/fresh-database.ts';

const clock = new FakeClock();
let opened: OpenDatabase;

beforeAll(async () => {
  opened = await openFreshDatabase();
});
afterAll(() => opened?.close());

it('finds held connections without reading the backlog of a subscriber that accepts nothing', async () => {
  const at = clock.now();
  await opened.database.run({
    text: `INSERT INTO subscription (id, url, events, status, last_delivered_at, created_at, updated_at)
      SELECT id, 'https://' || id || '.example', '{meta.webhook}', 'active', delivered_at, $1, $1
      FROM (VALUES ('sub_down', $1::timestamptz - interval '2 days'), ('sub_well', $1::timestamptz)) AS s (id, delivered_at)`,
    values: [at],
  });
  await opened.database.longRunning.run({
    text: `INSERT INTO delivery (id, subscription_id, event_id, event_position, ordering_key, status, attempts, retry_until, created_at)
      SELECT 'dlv_' || subscription || n, subscription, 'evt_' || n, n, 'con_' || n, 'pending', 3, $1::timestamptz + interval '1 day', $1
      FROM (VALUES ('sub_down', 20000), ('sub_well', 3)) AS s (subscription, many), generate_series(1, many) n`,
    values: [at],
  });
  await opened.database.run({ text: 'ANALYZE delivery, subscription' });
  let read = -1;
  const explaining = {
    rows: async ({ text, values = [] }: { text: string; values?: unknown[] }) => {
      const [row] = await opened.database.rows<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>({
        text: `EXPLAIN (ANALYZE, FORMAT JSON) ${text}`,
        values,
      });
      read = row === undefined ? -1 : rowsRead(row['QUERY PLAN'][0].Plan);
      return opened.database.rows({ text, values });
    },
  } as unknown as Database;
  const held = await new EventBacklogQuery(explaining, clock).listHeldConnections();
  expect(held).toMatchObject([{ id: 'sub_well', connections: 3 }]);
  expect(read).toBeGreaterThanOrEqual(3);
  expect(read).toBeLessThan(100);
});

interface PlanNode {
  'Relation Name'?: string;
  'Actual Rows': number;
  'Actual Loops': number;
  'Rows Removed by Filter'?: number;
  Plans?: PlanNode[];
}

/** Rows of `delivery` that a plan read. */
function rowsRead({ Plans: plans = [], ...node }: PlanNode): number {
  const own = (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)) * node['Actual Loops'];
  const isDelivery = node['Relation Name'] === 'delivery';
  return (isDelivery ? own : 0) + plans.reduce((sum, plan) => sum + rowsRead(plan), 0);
}
