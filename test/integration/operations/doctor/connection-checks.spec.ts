import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { SqlExecutor } from '../../../../src/database/statement.ts';
import { checkConnections } from '../../../../src/operations/doctor/connection-checks.ts';
import { type OpenDatabase, openFreshDatabase } from '../../../support/fresh-database.ts';

let opened: OpenDatabase;

beforeAll(async () => {
  opened = await openFreshDatabase();
});
afterAll(() => opened?.close());

it('counts connections in the database: a million of them do not come over', async () => {
  await opened.database.run({
    text: `INSERT INTO connection (id, tenant, product, flow, status, status_reason, app_id, meta_user_id, scopes, declined_scopes,
        graph_api_version, authorized_at, created_at, updated_at)
      SELECT 'con_' || kind || lpad(n::text, 4, '0'), 't', 'pages', 'facebook_login', status, reason::json, '1', kind || n, scopes, '{}', 'v26.0',
        now(), now(), now()
      FROM generate_series(1, 50) n, (VALUES
        ('a', 'active', NULL, '{pages_show_list,pages_read_engagement,pages_manage_posts,pages_manage_metadata,pages_messaging,business_management}'::text[]),
        ('b', 'reauth_required', '{}', '{}'),
        ('c', 'active', '{}', '{}'),
        ('d', 'active', NULL, '{pages_messaging}')) AS kinds (kind, status, reason, scopes)`,
  });
  let ids = 0;
  const counting: SqlExecutor = {
    rows: async (statement) => {
      const rows = await opened.database.rows(statement);
      for (const row of rows) ids += ((row as { ids?: string[] }).ids ?? []).length;
      return rows as never;
    },
    run: (statement) => opened.database.run(statement),
  };
  const findings = await checkConnections(counting);
  expect(findings.map(({ detail }) => detail)).toEqual([
    '50 of 200 connections need a new login: con_b0001, con_b0002, con_b0003, con_b0004, con_b0005 and others.',
    '50 active connections are incomplete: con_c0001, con_c0002, con_c0003, con_c0004, con_c0005 and others.',
    expect.stringMatching(/^50 active connections lack required scopes: con_d0001, .* con_d0005 and others\.$/),
  ]);
  expect(ids).toBeLessThan(50);
});
