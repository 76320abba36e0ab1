import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { ServedVersion } from '../../meta/graph/version-observer.ts';

const upsert = defineStatement<ServedVersion & { at: Date }>(
  'served_version_upsert',
  ({ appId, host, asked, served, at }) => sql`INSERT INTO served_version (app_id, host, asked, served, served_at)
    VALUES (${appId}, ${host}, ${asked}, ${served}, ${at})
    ON CONFLICT (app_id, host, asked) DO UPDATE SET served = excluded.served, served_at = excluded.served_at
    WHERE served_version.served_at < excluded.served_at`,
);

interface ServedVersionRow {
  app_id: string;
  host: string;
  asked: string;
  served: string;
  served_at: Date;
}

const selectSince = defineStatement<{ since: Date }, ServedVersionRow>(
  'served_version_list',
  ({ since }) => sql`SELECT app_id, host, asked, served, served_at FROM served_version
    WHERE served_at > ${since} ORDER BY app_id, host, asked`,
);

/** Stores the latest observation. Older observations of other replicas change nothing. */
export async function saveServedVersion(executor: SqlExecutor, version: ServedVersion, at: Date): Promise<void> {
  await executor.run(upsert({ ...version, at }));
}

/** Lists the version served last, on any replica since `since`, by app, host and requested version. */
export async function listServedVersions(
  executor: SqlExecutor,
  since: Date,
): Promise<{ appId: string; host: string; asked: string; served: string; servedAt: Date }[]> {
  const rows = await executor.rows(selectSince({ since }));
  return rows.map(({ app_id, served_at, ...row }) => ({ ...row, appId: app_id, servedAt: served_at }));
}
