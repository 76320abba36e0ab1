import { Injectable } from '@nestjs/common';
import { Database } from '../../database/database.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { type AppRateLimitState, BREAK_SECONDS, UNKNOWN_RATE_LIMIT } from './rate-limit-rules.ts';

interface AppRateLimitRow {
  usage_percent: number;
  usage_at: Date | null;
  stopped_until: Date | null;
  stop_cause: 'throttled' | 'usage' | null;
  stopped_since: Date | null;
  app_stopped_until: Date | null;
  throttles: number;
  breaker: 'closed' | 'open';
  breaker_until: Date | null;
  openings: number;
}

/** The pace of each app in the database, where all replicas see it. */
@Injectable()
export class AppRateLimitRepository {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  async read(appId: string): Promise<AppRateLimitState> {
    const [row] = await this.database.rows<AppRateLimitRow>({
      name: 'app_rate_limit_read',
      text: `SELECT usage_percent, usage_at, stopped_until, stop_cause, stopped_since, app_stopped_until, throttles, breaker, breaker_until,
          openings
        FROM app_rate_limit WHERE app_id = $1`,
      values: [appId],
    });
    return row === undefined ? UNKNOWN_RATE_LIMIT : toState(row);
  }

  /** Adds what a replica saw: the latest gauge counts, and the longer stop; one that follows another without a real break goes on with it. */
  async merge(
    appId: string,
    observed: Omit<AppRateLimitState, 'breaker' | 'breakerUntil' | 'openings'>,
  ): Promise<void> {
    const now = this.clock.now();
    await this.database.run({
      name: 'app_rate_limit_merge',
      text: `INSERT INTO app_rate_limit AS p
          (app_id, usage_percent, usage_at, stopped_until, stop_cause, throttles, updated_at, stopped_since, app_stopped_until)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT (app_id) DO UPDATE SET
          usage_percent = CASE WHEN p.usage_at IS NULL OR excluded.usage_at >= p.usage_at THEN excluded.usage_percent ELSE p.usage_percent END,
          usage_at = greatest(p.usage_at, excluded.usage_at),
          stop_cause = CASE WHEN excluded.stopped_until > coalesce(p.stopped_until, '-infinity') THEN excluded.stop_cause ELSE p.stop_cause END,
          stopped_since = CASE WHEN excluded.stopped_until <= $7 THEN p.stopped_since
            WHEN p.stopped_until > $10 THEN coalesce(p.stopped_since, excluded.stopped_since) ELSE excluded.stopped_since END,
          stopped_until = greatest(p.stopped_until, excluded.stopped_until),
          app_stopped_until = greatest(p.app_stopped_until, excluded.app_stopped_until),
          throttles = excluded.throttles, updated_at = $7`,
      values: [
        appId,
        observed.usagePercent,
        observed.usageAt,
        observed.stoppedUntil,
        observed.stopCause,
        observed.throttles,
        now,
        observed.stoppedSince,
        observed.appStoppedUntil,
        addSeconds(now, -BREAK_SECONDS),
      ],
    });
  }

  /** Whether the turn is the caller's; until `next` it is nobody else's. Only where the stop is known to all. */
  async claimLimitProbe(appId: string, next: Date): Promise<boolean> {
    const taken = await this.database.run({
      name: 'app_rate_limit_claim_probe',
      text: `UPDATE app_rate_limit SET next_probe_at = $2 WHERE app_id = $1 AND stopped_until > $3 AND (next_probe_at IS NULL OR next_probe_at <= $3)`,
      values: [appId, next, this.clock.now()],
    });
    return taken === 1;
  }

  /** No turn before `next`. */
  async postponeLimitProbe(appId: string, next: Date): Promise<void> {
    await this.database.run({
      text: 'UPDATE app_rate_limit SET next_probe_at = greatest(next_probe_at, $2) WHERE app_id = $1',
      values: [appId, next],
    });
  }

  /** Opens the breaker for all replicas until `until`; an open one stays open for longer. */
  async open(appId: string, until: Date): Promise<void> {
    await this.database.run({
      text: `INSERT INTO app_rate_limit AS p (app_id, breaker, breaker_until, openings, updated_at) VALUES ($1, 'open', $2, 1, $3)
        ON CONFLICT (app_id) DO UPDATE SET breaker = 'open', breaker_until = greatest(p.breaker_until, $2),
          openings = CASE WHEN p.breaker = 'open' AND p.breaker_until > $3 THEN p.openings ELSE p.openings + 1 END, updated_at = $3`,
      values: [appId, until, this.clock.now()],
    });
  }

  /** Whether the caller is the one that may probe; for `until` nobody else may. `early`: a person asks, before its time. */
  async claimBreakerProbe(appId: string, until: Date, isForced: boolean): Promise<boolean> {
    const now = this.clock.now();
    const taken = await this.database.run({
      text: `UPDATE app_rate_limit SET breaker_until = $2, updated_at = $3
        WHERE app_id = $1 AND breaker = 'open' AND ($4 OR breaker_until IS NULL OR breaker_until <= $3)`,
      values: [appId, until, now, isForced],
    });
    return taken === 1;
  }

  /** Meta answers again. */
  async close(appId: string): Promise<void> {
    await this.database.run({
      text: `UPDATE app_rate_limit SET breaker = 'closed', breaker_until = NULL, openings = 0, updated_at = $2
        WHERE app_id = $1 AND breaker = 'open'`,
      values: [appId, this.clock.now()],
    });
  }

  /** All apps, for metrics. */
  async all(): Promise<(AppRateLimitState & { appId: string })[]> {
    const rows = await this.database.rows<AppRateLimitRow & { app_id: string }>({
      text: 'SELECT * FROM app_rate_limit',
    });
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
    appStoppedUntil: row.app_stopped_until,
    throttles: row.throttles,
    breaker: row.breaker,
    breakerUntil: row.breaker_until,
    openings: row.openings,
  };
}
