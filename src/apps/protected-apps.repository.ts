import sql from 'sql-template-tag';
import { defineProtectedTable } from '../database/protected-table.ts';
import { defineStatement } from '../database/statement.ts';
import { APP_MAC } from './app-mac.ts';
import type { StoredAppRow } from './app-row.ts';

const lockRows = defineStatement<{ after: string | null; all: boolean; limit: number }, StoredAppRow>(
  'meta_app_lock_for_macs',
  ({
    after,
    all,
    limit,
  }) => sql`SELECT app_id, name, tenants, instagram_app_id, threads_app_id, login_config_ids, graph_api_version,
      secret_ids, previous_secret_until, version, created_at, updated_at, mac
    FROM meta_app WHERE (${all}::boolean OR mac IS NULL) AND (${after}::text IS NULL OR app_id > ${after}::text)
    ORDER BY app_id LIMIT ${limit} FOR NO KEY UPDATE`,
);

const writeMacs = defineStatement<{ ids: readonly string[]; macs: readonly Buffer[] }>(
  'meta_app_write_macs',
  ({ ids, macs }) => sql`UPDATE meta_app r SET mac = given.mac
    FROM unnest(${ids}::text[], ${macs}::bytea[]) AS given(id, mac) WHERE r.app_id = given.id`,
);

const countMetaAppMacs = defineStatement<Record<never, never>, { count: number }>(
  'meta_app_count_macs',
  () => sql`SELECT count(mac)::integer AS count FROM meta_app`,
);

/** Meta apps have had MACs since their first release; an operator may adopt rows. */
export const PROTECTED_APPS = defineProtectedTable({
  definition: APP_MAC,
  lockRows: (tx, { after, all, limit }) => tx.rows(lockRows({ after: after?.app_id ?? null, all, limit })),
  writeMacs: async (tx, rows) => {
    await tx.run(writeMacs({ ids: rows.map(({ row }) => row.app_id), macs: rows.map(({ mac }) => mac) }));
  },
  countMacs: () => countMetaAppMacs({}),
});
