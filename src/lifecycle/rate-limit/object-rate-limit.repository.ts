import { Injectable } from '@nestjs/common';
import sql from 'sql-template-tag';
import { Database } from '../../database/database.ts';
import { defineStatement } from '../../database/statement.ts';
import type { ThrottleScope } from '../../meta/errors/classify-error.ts';

/** A rate limit of one object at Meta, which stops calls to that object only. */
export interface ObjectRateLimit {
  appId: string;
  /** Meta's id, or our credential's if the call named no object. */
  objectId: string;
  scope: ThrottleScope;
  stoppedUntil: Date;
}

const upsertLimits = defineStatement<{
  appIds: string[];
  objectIds: string[];
  scopes: string[];
  stoppedUntil: Date[];
}>(
  'object_rate_limit_upsert',
  ({
    appIds,
    objectIds,
    scopes,
    stoppedUntil,
  }) => sql`INSERT INTO object_rate_limit AS l (app_id, object_id, scope, stopped_until)
    SELECT * FROM unnest(${appIds}::text[], ${objectIds}::text[], ${scopes}::text[], ${stoppedUntil}::timestamptz[])
    ON CONFLICT (app_id, object_id) DO UPDATE SET scope = excluded.scope, stopped_until = excluded.stopped_until
      WHERE excluded.stopped_until > l.stopped_until`,
);

const deleteEnded = defineStatement<{ now: Date }>(
  'object_rate_limit_delete_ended',
  ({ now }) => sql`DELETE FROM object_rate_limit WHERE stopped_until <= ${now}`,
);

const selectLatestEnd = defineStatement<
  { appId: string; objectIds: readonly string[]; now: Date },
  { stopped_until: Date }
>(
  'object_rate_limit_latest_end',
  ({ appId, objectIds, now }) => sql`SELECT stopped_until FROM object_rate_limit
    WHERE app_id = ${appId} AND object_id = ANY (${objectIds}) AND stopped_until > ${now} ORDER BY stopped_until DESC LIMIT 1`,
  { prepare: true },
);

const selectCounts = defineStatement<{ now: Date }, { app_id: string; scope: ThrottleScope; count: string }>(
  'object_rate_limit_counts',
  ({ now }) =>
    sql`SELECT app_id, scope, count(*) AS count FROM object_rate_limit WHERE stopped_until > ${now} GROUP BY app_id, scope`,
);

const selectLongest = defineStatement<
  { now: Date; limit: number },
  { app_id: string; object_id: string; scope: ThrottleScope; stopped_until: Date }
>(
  'object_rate_limit_longest',
  ({ now, limit }) => sql`SELECT app_id, object_id, scope, stopped_until FROM object_rate_limit
    WHERE stopped_until > ${now} ORDER BY stopped_until DESC LIMIT ${limit}`,
);

/** Shares the limits of objects between replicas. Keeps only those in effect. */
@Injectable()
export class ObjectRateLimitRepository {
  constructor(private readonly database: Database) {}

  /** Adds limits, keeping the later end per object, and removes those that ended. */
  async merge(limits: readonly ObjectRateLimit[], now: Date): Promise<void> {
    await this.database.run(deleteEnded({ now }));
    await this.database.run(
      upsertLimits({
        appIds: limits.map(({ appId }) => appId),
        objectIds: limits.map(({ objectId }) => objectId),
        scopes: limits.map(({ scope }) => scope),
        stoppedUntil: limits.map(({ stoppedUntil }) => stoppedUntil),
      }),
    );
  }

  /** Returns the latest end of the limits of these objects; null if there are none. */
  async findLatestEnd(appId: string, objectIds: readonly string[], now: Date): Promise<Date | null> {
    const [row] = await this.database.rows(selectLatestEnd({ appId, objectIds, now }));
    return row?.stopped_until ?? null;
  }

  /** Counts limited objects by app and scope. */
  async count(now: Date): Promise<{ appId: string; scope: ThrottleScope; count: number }[]> {
    const rows = await this.database.rows(selectCounts({ now }));
    return rows.map(({ app_id: appId, scope, count }) => ({ appId, scope, count: Number(count) }));
  }

  /** Lists the objects limited for longest. */
  async listLongest(now: Date, limit: number): Promise<ObjectRateLimit[]> {
    const rows = await this.database.rows(selectLongest({ now, limit }));
    return rows.map((row) => ({
      appId: row.app_id,
      objectId: row.object_id,
      scope: row.scope,
      stoppedUntil: row.stopped_until,
    }));
  }
}
