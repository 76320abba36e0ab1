import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import { addSeconds } from '../../platform/clock.ts';
import type { Usage, UsageReport } from './shared-limit.ts';

/** Rows that are no longer updated lose their meaning after two periods. */
const KEPT_SECONDS = 300;

interface ExchangeParameters {
  replica: string;
  names: readonly string[];
  periods: readonly number[];
  granted: readonly number[];
  wanted: readonly number[];
  grantedBefore: readonly number[];
  wantedBefore: readonly number[];
  now: Date;
}

/** What a replica reports to the others, by name. */
interface ToldUsage {
  replica: string;
  names: readonly string[];
  reports: readonly UsageReport[];
  now: Date;
}

interface OthersRow {
  name: string;
  granted: number;
  wanted: number;
  granted_before: number;
  wanted_before: number;
}

const exchangeStatement = defineStatement<ExchangeParameters, OthersRow>(
  'shared_limit_exchange',
  ({ replica, names, periods, granted, wanted, grantedBefore, wantedBefore, now }) => sql`WITH report AS (
      SELECT * FROM unnest(${names}::text[], ${periods}::bigint[], ${granted}::int[], ${wanted}::int[],
        ${grantedBefore}::int[], ${wantedBefore}::int[])
        AS r (name, period, granted, wanted, granted_before, wanted_before)
    ), told AS (
      INSERT INTO shared_limit (name, replica, period, granted, wanted, granted_before, wanted_before, updated_at)
      SELECT r.name, ${replica}, r.period, r.granted, r.wanted, r.granted_before, r.wanted_before, ${now} FROM report r
      ON CONFLICT (name, replica) DO UPDATE SET period = excluded.period, granted = excluded.granted,
        wanted = excluded.wanted, granted_before = excluded.granted_before, wanted_before = excluded.wanted_before,
        updated_at = excluded.updated_at
    )
    SELECT r.name,
      coalesce(sum(CASE o.period WHEN r.period THEN o.granted WHEN r.period + 1 THEN o.granted_before END), 0)::int AS granted,
      coalesce(sum(CASE o.period WHEN r.period THEN o.wanted WHEN r.period + 1 THEN o.wanted_before END), 0)::int AS wanted,
      coalesce(sum(CASE o.period WHEN r.period THEN o.granted_before WHEN r.period - 1 THEN o.granted END), 0)::int AS granted_before,
      coalesce(sum(CASE o.period WHEN r.period THEN o.wanted_before WHEN r.period - 1 THEN o.wanted END), 0)::int AS wanted_before
    FROM report r LEFT JOIN shared_limit o ON o.name = r.name AND o.replica <> ${replica} GROUP BY r.name`,
  { prepare: true },
);

const purgeStatement = defineStatement<{ before: Date }>(
  'shared_limit_purge',
  ({ before }) => sql`DELETE FROM shared_limit WHERE updated_at < ${before}`,
);

/** What the other replicas counted, in the period of a report and the one before. */
export interface OthersUsage {
  name: string;
  others: Usage;
  othersBefore: Usage;
}

/** Reports this replica's counts to the others and returns theirs, in one statement for all names. */
export async function exchangeUsage(
  executor: SqlExecutor,
  { replica, names, reports, now }: ToldUsage,
): Promise<OthersUsage[]> {
  const rows = await executor.rows(
    exchangeStatement({
      replica,
      names,
      periods: reports.map(({ period }) => period),
      granted: reports.map(({ own }) => own.granted),
      wanted: reports.map(({ own }) => own.wanted),
      grantedBefore: reports.map(({ ownBefore }) => ownBefore.granted),
      wantedBefore: reports.map(({ ownBefore }) => ownBefore.wanted),
      now,
    }),
  );
  return rows.map((row) => ({
    name: row.name,
    others: { wanted: row.wanted, granted: row.granted },
    othersBefore: { wanted: row.wanted_before, granted: row.granted_before },
  }));
}

/** Removes rows that have lost their meaning. */
export async function purgeUsage(executor: SqlExecutor, now: Date): Promise<void> {
  await executor.run(purgeStatement({ before: addSeconds(now, -KEPT_SECONDS) }));
}
