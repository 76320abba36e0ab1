import sql, { type Sql } from 'sql-template-tag';
import { defineStatement, type SqlExecutor, type StatementDefinition } from '../database/statement.ts';

/** Kinds of background work, each with an index by app and time. */
export type DueWorkKind = 'refreshes' | 'rotations' | 'checks' | 'discoveries';

/** Walks the apps, one index search each, and keeps those whose earliest work is due. */
function walk(table: Sql, planned: Sql, dueAt: Sql, now: Date): Sql {
  return sql`WITH RECURSIVE walk (app_id, due_at) AS (
      (SELECT app_id, ${dueAt} FROM ${table} WHERE ${planned} ORDER BY app_id, ${dueAt} LIMIT 1)
      UNION ALL
      SELECT following.app_id, following.due_at FROM walk, LATERAL (SELECT t.app_id, t.${dueAt} AS due_at FROM ${table} t
        WHERE ${planned} AND t.app_id > walk.app_id ORDER BY t.app_id, t.${dueAt} LIMIT 1) following)
    SELECT app_id FROM walk WHERE due_at <= ${now}`;
}

type DueApps = StatementDefinition<{ now: Date }, { app_id: string }>;

const STATEMENTS: Readonly<Record<DueWorkKind, DueApps>> = {
  refreshes: defineStatement('apps_with_due_refreshes', ({ now }) =>
    walk(sql`credential`, sql`refresh_due_at IS NOT NULL`, sql`refresh_due_at`, now),
  ),
  rotations: defineStatement('apps_with_due_rotations', ({ now }) =>
    walk(sql`credential`, sql`rotation_due_at IS NOT NULL`, sql`rotation_due_at`, now),
  ),
  checks: defineStatement('apps_with_due_checks', ({ now }) =>
    walk(sql`credential`, sql`check_due_at IS NOT NULL`, sql`check_due_at`, now),
  ),
  discoveries: defineStatement('apps_with_due_discoveries', ({ now }) =>
    walk(sql`connection`, sql`status = 'active' AND next_discovery_at IS NOT NULL`, sql`next_discovery_at`, now),
  ),
};

/** App ids of tokens for which this kind of work is due, claimed or not. Costs an index search for each app. */
export async function listAppsWithDue(executor: SqlExecutor, kind: DueWorkKind, now: Date): Promise<string[]> {
  return (await executor.rows(STATEMENTS[kind]({ now }))).map(({ app_id: id }) => id);
}
