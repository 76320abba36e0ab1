import { Injectable } from '@nestjs/common';
import sql from 'sql-template-tag';
import { RowMacs } from '../database/row-macs.ts';
import { defineStatement, type SqlExecutor } from '../database/statement.ts';
import { APP_MAC } from './app-mac.ts';
import type { AppRow, StoredAppRow } from './app-row.ts';

/** Advisory lock for changes of ids: an id must be unique, whatever its role. */
const IDS_LOCK = 727_018;
/** More apps than this of one rank are as ambiguous as two. */
const MAX_OF_RANK = 10;

const COLUMNS = sql`a.app_id, a.name, a.tenants, a.instagram_app_id, a.threads_app_id, a.login_config_ids, a.graph_api_version,
  a.secret_ids, a.previous_secret_until, a.version, a.created_at, a.updated_at, a.mac`;

type AppParameters = Omit<StoredAppRow, 'login_config_ids' | 'secret_ids'> & {
  /** JSON */
  login_config_ids: string;
  secret_ids: string;
};

const lockIds = defineStatement<Record<never, never>, { pg_advisory_xact_lock: string }>(
  'meta_app_ids_lock',
  () => sql`SELECT pg_advisory_xact_lock(${IDS_LOCK})`,
);

const selectByAnyId = defineStatement<{ ids: readonly string[] }, StoredAppRow>(
  'meta_app_by_any_id',
  ({ ids }) => sql`SELECT ${COLUMNS} FROM meta_app a WHERE a.app_id = ANY (${ids}::text[])
      OR a.instagram_app_id = ANY (${ids}::text[]) OR a.threads_app_id = ANY (${ids}::text[])`,
  { prepare: true },
);

const lockOne = defineStatement<{ appId: string }, StoredAppRow>(
  'meta_app_lock',
  ({ appId }) => sql`SELECT ${COLUMNS} FROM meta_app a WHERE a.app_id = ${appId} FOR UPDATE`,
);

const holdByAnyId = defineStatement<{ id: string }, { app_id: string }>(
  'meta_app_hold',
  ({ id }) => sql`SELECT a.app_id FROM meta_app a
    WHERE a.app_id = ${id} OR a.instagram_app_id = ${id} OR a.threads_app_id = ${id} FOR KEY SHARE`,
);

const selectPage = defineStatement<{ after: string; limit: number; tenants: readonly string[] | null }, StoredAppRow>(
  'meta_app_list',
  ({ after, limit, tenants }) => sql`SELECT ${COLUMNS} FROM meta_app a WHERE a.app_id > ${after}
      AND (${tenants}::text[] IS NULL OR a.tenants <@ ${tenants}::text[]) ORDER BY a.app_id LIMIT ${limit}`,
);

const selectOfTenant = defineStatement<{ tenant: string }, StoredAppRow>(
  'meta_app_of_tenant',
  ({
    tenant,
  }) => sql`(SELECT ${COLUMNS} FROM meta_app a WHERE a.tenants @> ARRAY[${tenant}]::text[] LIMIT ${MAX_OF_RANK})
    UNION ALL (SELECT ${COLUMNS} FROM meta_app a WHERE a.tenants @> ARRAY['*'] LIMIT ${MAX_OF_RANK})`,
);

const selectExpired = defineStatement<{ now: Date; limit: number }, { app_id: string }>(
  'meta_app_expired_secrets',
  ({ now, limit }) => sql`SELECT app_id FROM meta_app WHERE previous_secret_until <= ${now} LIMIT ${limit}`,
);

const insertRow = defineStatement<AppParameters>(
  'meta_app_insert',
  (
    a,
  ) => sql`INSERT INTO meta_app (app_id, name, tenants, instagram_app_id, threads_app_id, login_config_ids, graph_api_version,
      secret_ids, previous_secret_until, version, created_at, updated_at, mac)
    VALUES (${a.app_id}, ${a.name}, ${a.tenants}, ${a.instagram_app_id}, ${a.threads_app_id}, ${a.login_config_ids}::jsonb,
      ${a.graph_api_version}, ${a.secret_ids}::jsonb, ${a.previous_secret_until}, ${a.version}, ${a.created_at}, ${a.updated_at}, ${a.mac})`,
);

const updateRow = defineStatement<AppParameters>(
  'meta_app_update',
  (a) => sql`UPDATE meta_app SET name = ${a.name}, tenants = ${a.tenants}, instagram_app_id = ${a.instagram_app_id},
      threads_app_id = ${a.threads_app_id}, login_config_ids = ${a.login_config_ids}::jsonb, graph_api_version = ${a.graph_api_version},
      secret_ids = ${a.secret_ids}::jsonb, previous_secret_until = ${a.previous_secret_until}, version = ${a.version},
      updated_at = ${a.updated_at}, mac = ${a.mac} WHERE app_id = ${a.app_id}`,
);

const deleteRow = defineStatement<{ appId: string }>(
  'meta_app_delete',
  ({ appId }) => sql`DELETE FROM meta_app WHERE app_id = ${appId}`,
);

/** Rows of Meta apps. One whose MAC doesn't verify counts as absent. */
@Injectable()
export class AppRepository {
  constructor(private readonly macs: RowMacs) {}

  /** Serializes changes of ids until the transaction ends. */
  async lockIds(tx: SqlExecutor): Promise<void> {
    await tx.run(lockIds({}));
  }

  /** Apps that have one of these ids, as Meta app or as Instagram or Threads app. Not verified: see `accept`. */
  findByAnyId(executor: Pick<SqlExecutor, 'rows'>, ids: readonly string[]): Promise<StoredAppRow[]> {
    return executor.rows(selectByAnyId({ ids }));
  }

  /** Returns the row if its MAC verifies. */
  accept(row: StoredAppRow | null | undefined): StoredAppRow | null {
    return this.macs.accept(APP_MAC, row);
  }

  async find(executor: SqlExecutor, appId: string): Promise<AppRow | null> {
    const rows = await this.findByAnyId(executor, [appId]);
    return this.accept(rows.find((row) => row.app_id === appId));
  }

  /** Locks an app for a change. */
  async lock(tx: SqlExecutor, appId: string): Promise<AppRow | null> {
    const [row] = await tx.rows(lockOne({ appId }));
    return this.accept(row);
  }

  /** Keeps the app with this id from being deleted until the transaction ends. False if there is none. */
  async hold(tx: SqlExecutor, id: string): Promise<boolean> {
    return (await tx.rows(holdByAnyId({ id }))).length > 0;
  }

  /** Up to `limit` apps after `after`, by id, that serve only `tenants` (null: all). */
  async list(
    executor: SqlExecutor,
    after: string,
    limit: number,
    tenants: readonly string[] | null,
  ): Promise<AppRow[]> {
    const apps: AppRow[] = [];
    for (let last = after; apps.length < limit; ) {
      const rows = await executor.rows(selectPage({ after: last, limit, tenants }));
      apps.push(...rows.flatMap((row) => this.accept(row) ?? []));
      if (rows.length < limit) break;
      last = rows.at(-1)?.app_id ?? last;
    }
    return apps.slice(0, limit);
  }

  /** Apps that name the tenant, and those for all tenants. */
  async listOfTenant(executor: SqlExecutor, tenant: string): Promise<AppRow[]> {
    const rows = await executor.rows(selectOfTenant({ tenant }));
    return rows.flatMap((row) => this.accept(row) ?? []);
  }

  /** Ids of up to `limit` apps whose previous secret may no longer sign. */
  async listExpiredSecrets(executor: SqlExecutor, now: Date, limit: number): Promise<string[]> {
    return (await executor.rows(selectExpired({ now, limit }))).map(({ app_id: id }) => id);
  }

  async insert(tx: SqlExecutor, app: AppRow): Promise<void> {
    await tx.run(insertRow(this.toParameters(app)));
  }

  /** Overwrites a locked row. The caller increments the version. */
  async update(tx: SqlExecutor, app: AppRow): Promise<void> {
    await tx.run(updateRow(this.toParameters(app)));
  }

  async delete(tx: SqlExecutor, appId: string): Promise<void> {
    await tx.run(deleteRow({ appId }));
  }

  private toParameters(app: AppRow): AppParameters {
    return {
      ...app,
      login_config_ids: JSON.stringify(app.login_config_ids),
      secret_ids: JSON.stringify(app.secret_ids),
      mac: this.macs.compute(APP_MAC, app),
    };
  }
}
