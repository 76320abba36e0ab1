import { Injectable } from '@nestjs/common';
import sql from 'sql-template-tag';
import { Database } from '../../database/database.ts';
import { defineStatement } from '../../database/statement.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { type AppRateLimitState, BREAK_SECONDS, UNKNOWN_RATE_LIMIT } from './rate-limit-rules.ts';

interface AppRateLimitRow {
  usage_percent: number;
  usage_at: Date | null;
  stopped_until: Date | null;
  stop_cause: 'throttled' | 'usage' | null;
  stopped_since: Date | null;
  throttles: number;
  breaker: 'closed' | 'open';
  breaker_until: Date | null;
  openings: number;
}

const STATE_COLUMNS = sql`usage_percent, usage_at, stopped_until, stop_cause, stopped_since, throttles, breaker, breaker_until,
          openings`;

const selectState = defineStatement<{ appId: string }, AppRateLimitRow>(
  'app_rate_limit_read',
  ({ appId }) => sql`SELECT ${STATE_COLUMNS} FROM app_rate_limit WHERE app_id = ${appId}`,
  { prepare: true },
);

const selectAllStates = defineStatement<Record<never, never>, AppRateLimitRow & { app_id: string }>(
  'app_rate_limit_list',
  () => sql`SELECT app_id, ${STATE_COLUMNS} FROM app_rate_limit`,
);

/** What a replica observed. The breaker has its own statements. */
type ObservedRateLimit = Omit<AppRateLimitState, 'breaker' | 'breakerUntil' | 'openings'>;

interface MergeParameters {
  appId: string;
  observed: ObservedRateLimit;
  now: Date;
  /** A stop that begins now does not continue a stop that ended before this. */
  continuesAfter: Date;
}

const mergeObserved = defineStatement<MergeParameters>(
  'app_rate_limit_merge',
  ({ appId, observed, now, continuesAfter }) => sql`INSERT INTO app_rate_limit AS p
          (app_id, usage_percent, usage_at, stopped_until, stop_cause, throttles, updated_at, stopped_since)
        VALUES (${appId}, ${observed.usagePercent}, ${observed.usageAt}, ${observed.stoppedUntil}, ${observed.stopCause},
          ${observed.throttles}, ${now}, ${observed.stoppedSince})
        ON CONFLICT (app_id) DO UPDATE SET
          usage_percent = CASE WHEN p.usage_at IS NULL OR excluded.usage_at >= p.usage_at THEN excluded.usage_percent ELSE p.usage_percent END,
          usage_at = greatest(p.usage_at, excluded.usage_at),
          stop_cause = CASE WHEN excluded.stopped_until > coalesce(p.stopped_until, '-infinity') THEN excluded.stop_cause ELSE p.stop_cause END,
          stopped_since = CASE WHEN excluded.stopped_until <= ${now} THEN p.stopped_since
            WHEN p.stopped_until > ${continuesAfter} THEN coalesce(p.stopped_since, excluded.stopped_since) ELSE excluded.stopped_since END,
          stopped_until = greatest(p.stopped_until, excluded.stopped_until),
          throttles = excluded.throttles, updated_at = excluded.updated_at`,
  { prepare: true },
);

const claimProbeOfLimit = defineStatement<{ appId: string; next: Date; now: Date }>(
  'app_rate_limit_claim_probe',
  ({ appId, next, now }) => sql`UPDATE app_rate_limit SET next_probe_at = ${next}
    WHERE app_id = ${appId} AND stopped_until > ${now} AND (next_probe_at IS NULL OR next_probe_at <= ${now})`,
  { prepare: true },
);

const postponeProbeOfLimit = defineStatement<{ appId: string; next: Date }>(
  'app_rate_limit_postpone_probe',
  ({ appId, next }) =>
    sql`UPDATE app_rate_limit SET next_probe_at = greatest(next_probe_at, ${next}) WHERE app_id = ${appId}`,
);

const openBreaker = defineStatement<{ appId: string; until: Date; now: Date }>(
  'app_rate_limit_open_breaker',
  ({ appId, until, now }) => sql`INSERT INTO app_rate_limit AS p (app_id, breaker, breaker_until, openings, updated_at)
        VALUES (${appId}, 'open', ${until}, 1, ${now})
        ON CONFLICT (app_id) DO UPDATE SET breaker = 'open', breaker_until = greatest(p.breaker_until, excluded.breaker_until),
          openings = CASE WHEN p.breaker = 'open' AND p.breaker_until > ${now} THEN p.openings ELSE p.openings + 1 END,
          updated_at = excluded.updated_at`,
);

const claimProbeOfBreaker = defineStatement<{ appId: string; until: Date; now: Date; isForced: boolean }>(
  'app_rate_limit_claim_breaker_probe',
  ({ appId, until, now, isForced }) => sql`UPDATE app_rate_limit SET breaker_until = ${until}, updated_at = ${now}
        WHERE app_id = ${appId} AND breaker = 'open' AND (${isForced}::boolean OR breaker_until IS NULL OR breaker_until <= ${now})`,
);

const closeBreaker = defineStatement<{ appId: string; now: Date }>(
  'app_rate_limit_close_breaker',
  ({
    appId,
    now,
  }) => sql`UPDATE app_rate_limit SET breaker = 'closed', breaker_until = NULL, openings = 0, updated_at = ${now}
        WHERE app_id = ${appId} AND breaker = 'open'`,
);

/** Shares the rate-limit state of each app between replicas. */
@Injectable()
export class AppRateLimitRepository {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  async read(appId: string): Promise<AppRateLimitState> {
    const [row] = await this.database.rows(selectState({ appId }));
    return row === undefined ? UNKNOWN_RATE_LIMIT : toState(row);
  }

  /** Merges an observation: the latest gauge and the longer stop win. A stop soon after another continues it. */
  async merge(appId: string, observed: ObservedRateLimit): Promise<void> {
    const now = this.clock.now();
    await this.database.run(mergeObserved({ appId, observed, now, continuesAfter: addSeconds(now, -BREAK_SECONDS) }));
  }

  /** Claims the probe during a stop. Returns whether this replica got it; no other gets one before `next`. */
  async claimLimitProbe(appId: string, next: Date): Promise<boolean> {
    return (await this.database.run(claimProbeOfLimit({ appId, next, now: this.clock.now() }))) === 1;
  }

  /** Allows no probe before `next`. */
  async postponeLimitProbe(appId: string, next: Date): Promise<void> {
    await this.database.run(postponeProbeOfLimit({ appId, next }));
  }

  /** Opens the breaker for all replicas until `until`, or extends it. */
  async open(appId: string, until: Date): Promise<void> {
    await this.database.run(openBreaker({ appId, until, now: this.clock.now() }));
  }

  /**
   * Claims the breaker's probe until `until`. Returns whether this replica got it. `isForced`: requested, so it may
   * come early.
   */
  async claimBreakerProbe(appId: string, until: Date, isForced: boolean): Promise<boolean> {
    return (await this.database.run(claimProbeOfBreaker({ appId, until, now: this.clock.now(), isForced }))) === 1;
  }

  /** Closes the breaker. */
  async close(appId: string): Promise<void> {
    await this.database.run(closeBreaker({ appId, now: this.clock.now() }));
  }

  /** Lists all apps, for metrics. */
  async all(): Promise<(AppRateLimitState & { appId: string })[]> {
    const rows = await this.database.rows(selectAllStates({}));
    return rows.map((row) => ({ appId: row.app_id, ...toState(row) }));
  }
}

function toState(row: AppRateLimitRow): AppRateLimitState {
  return {
    usagePercent: row.usage_percent,
    usageAt: row.usage_at,
    stoppedUntil: row.stopped_until,
    stopCause: row.stop_cause,
    stoppedSince: row.stopped_since,
    throttles: row.throttles,
    breaker: row.breaker,
    breakerUntil: row.breaker_until,
    openings: row.openings,
  };
}
