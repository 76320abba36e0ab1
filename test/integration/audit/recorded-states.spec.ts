import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { SYSTEM } from '../../../src/audit/actor.ts';
import { findKeyTombstones } from '../../../src/audit/key-tombstones.query.ts';
import { readConnectionStates, readCredentialVersions } from '../../../src/audit/recorded-states.query.ts';
import type { SqlExecutor } from '../../../src/database/statement.ts';
import { type AuditTestContext, openAuditTestContext } from '../../support/audit-test-context.ts';

let context: AuditTestContext;
let plans: string[];
/** Collects the plan of each statement. */
let explaining: SqlExecutor;

beforeAll(async () => {
  context = await openAuditTestContext();
  const { database, log } = context;
  plans = [];
  explaining = {
    rows: async (statement) => {
      const { text, values = [] } = statement;
      const explained = { text: `EXPLAIN (ANALYZE, COSTS OFF) ${text}`, values };
      const lines = await database.rows<Record<string, string>>(explained);
      plans.push(lines.map((line) => line['QUERY PLAN']).join('\n'));
      return database.rows({ text, values }) as never;
    },
    run: (statement) => database.run(statement),
  };
  // One connection that was leased very often, and many others.
  const of = { actor: SYSTEM, tenant: 'acme', connectionId: 'con_1' as const };
  await log.recordAll(database, [
    { ...of, action: 'connection.created', details: { status: 'active', generation: 1 } },
    { ...of, action: 'credential.refreshed', subjectId: 'crd_1', details: { version: 2 } },
    { actor: SYSTEM, action: 'key.retired', subjectId: 'kek_1' },
  ]);
  await context.sql(`INSERT INTO audit_entry SELECT (jsonb_populate_record(e, jsonb_build_object('id', e.id || n, 'action', 'lease.issued'))).*
    FROM audit_entry e, generate_series(1, 20000) n WHERE e.connection_id = 'con_1'`);
  await context.sql(`INSERT INTO audit_entry SELECT (jsonb_populate_record(e, jsonb_build_object('id', e.id || 'x' || n,
      'connection_id', 'con_1' || n, 'subject_id', 'crd_1' || n))).*
    FROM audit_entry e, generate_series(1, 5000) n WHERE e.action IN ('connection.created', 'credential.refreshed')`);
  await context.sql('ANALYZE');
});
afterAll(() => context?.close());

it('finds the recorded state of an object with one index lookup, however often it was leased', async () => {
  const states = await readConnectionStates(explaining, context.ring, ['con_1']);
  expect(states).toMatchObject({ forgedIds: [] });
  expect(states.byObject.get('con_1')).toMatchObject([{ action: 'connection.created', details: { generation: 1 } }]);
  const versions = await readCredentialVersions(explaining, context.ring, ['crd_1']);
  expect(versions.byObject.get('crd_1')).toMatchObject([{ action: 'credential.refreshed', details: { version: 2 } }]);
  expect([...(await findKeyTombstones(explaining, context.ring, ['kek_1', 'kek_2']))]).toEqual(['kek_1']);
  const indexes = ['connection_state', 'credential_version', 'retired_key'];
  for (const [index, name] of indexes.entries()) {
    expect(plans[index]).toContain(`audit_entry_first_${name}`);
    // The default partition is empty.
    expect(plans[index]).not.toMatch(/Seq Scan on audit_entry_first|Rows Removed/);
  }
});
