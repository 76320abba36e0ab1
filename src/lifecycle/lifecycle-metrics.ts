import { Injectable } from '@nestjs/common';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { CredentialKind } from '../connections/credentials/credential-kind.ts';
import { CredentialStatistics } from '../connections/credentials/credential-statistics.query.ts';
import { LastKnown } from '../database/last-known.ts';
import { Clock } from '../platform/clock.ts';
import { chooseAppLabels } from './app-labels.ts';
import type { CheckOutcome } from './inspection/token-inspector.ts';
import { AppRateLimitRepository } from './rate-limit/app-rate-limit.repository.ts';
import { ObjectRateLimitRepository } from './rate-limit/object-rate-limit.repository.ts';
import type { RefreshOutcome } from './refresh/token-refresher.ts';

/** Scrapes share a census for this long, because it reads large tables. */
const CENSUS_TTL_MS = 30_000;

/** Lifecycle metrics. Gauges of the whole are counted by the database, so they are equal on all replicas. */
@Injectable()
export class LifecycleMetrics {
  private readonly refreshes: Counter<'kind' | 'outcome'>;
  private readonly rotations: Counter<'outcome'>;
  private readonly tokenRevocations: Counter<'outcome'>;
  private readonly checks: Counter<'outcome'>;
  private readonly sweeps: Histogram<'sweep'>;
  private readonly credentials: Gauge<'kind' | 'health'>;
  private readonly nextExpiry: Gauge;
  private readonly lag: Gauge<'sweep'>;
  private readonly throttle: Gauge<'app_id' | 'state'>;
  private readonly usage: Gauge<'app_id'>;
  private readonly limitedObjects: Gauge<'app_id' | 'scope'>;
  private takenAtMs = Number.NEGATIVE_INFINITY;
  private readonly counted = new LastKnown<void>(() => this.count(), undefined);

  constructor(
    registry: Registry,
    private readonly census: CredentialStatistics,
    private readonly rateLimits: AppRateLimitRepository,
    private readonly objectLimits: ObjectRateLimitRepository,
    private readonly clock: Clock,
  ) {
    const registers = [registry];
    // On every gauge: a scrape reads them concurrently, and none may be read before the census.
    const collect = (): Promise<void> => this.take();
    this.refreshes = new Counter({
      name: 'metavault_renewals_total',
      help: 'Refreshes by outcome.',
      labelNames: ['kind', 'outcome'],
      registers,
    });
    this.rotations = new Counter({
      name: 'metavault_rotations_total',
      help: 'Rotations of system user tokens by outcome; refreshed: a new token is in use.',
      labelNames: ['outcome'],
      registers,
    });
    this.tokenRevocations = new Counter({
      name: 'metavault_token_revocations_total',
      help: 'Attempts to revoke replaced tokens at Meta, by outcome: confirmed, waiting, failed.',
      labelNames: ['outcome'],
      registers,
    });
    this.checks = new Counter({
      name: 'metavault_health_checks_total',
      help: 'Inspections by outcome.',
      labelNames: ['outcome'],
      registers,
    });
    this.sweeps = new Histogram({
      name: 'metavault_sweep_duration_seconds',
      help: 'Duration of sweeps.',
      labelNames: ['sweep'],
      buckets: [0.1, 1, 10, 60, 300, 1800, 7200],
      registers,
    });
    this.credentials = new Gauge({
      name: 'metavault_credentials',
      help: 'Credentials of connections that are not revoked, by kind and health.',
      labelNames: ['kind', 'health'],
      registers,
      collect,
    });
    this.nextExpiry = new Gauge({
      name: 'metavault_next_expiry_seconds',
      help: 'Time until the earliest expiry of a live root token, negative after it; missing if none expires.',
      registers,
      collect,
    });
    this.clearNextExpiry();
    this.lag = new Gauge({
      name: 'metavault_sweep_lag_seconds',
      help: 'How long the most overdue work has been due.',
      labelNames: ['sweep'],
      registers,
      collect,
    });
    this.throttle = new Gauge({
      name: 'metavault_meta_stopped',
      help: 'Whether background work for an app is stopped (throttled, breaker_open); of the app other: how many are.',
      labelNames: ['app_id', 'state'],
      registers,
      collect,
    });
    this.usage = new Gauge({
      name: 'metavault_meta_usage_percent',
      help: 'Latest value of the highest usage gauge of an app, in percent; of the app other: the highest of the rest.',
      labelNames: ['app_id'],
      registers,
      collect,
    });
    this.limitedObjects = new Gauge({
      name: 'metavault_meta_limited_objects',
      help: 'Users, Pages, accounts and numbers at their own rate limit, by scope.',
      labelNames: ['app_id', 'scope'],
      registers,
      collect,
    });
  }

  recordRefresh(kind: CredentialKind, outcome: RefreshOutcome): void {
    this.refreshes.inc({ kind, outcome });
  }

  recordRotation(outcome: RefreshOutcome): void {
    this.rotations.inc({ outcome });
  }

  recordTokenRevocation(outcome: 'confirmed' | 'waiting' | 'failed'): void {
    this.tokenRevocations.inc({ outcome });
  }

  recordCheck(outcome: CheckOutcome): void {
    this.checks.inc({ outcome });
  }

  recordSweep(sweep: 'refresh' | 'health', seconds: number): void {
    this.sweeps.observe({ sweep }, seconds);
  }

  /** `reset` would set 0, which says that a token expires now. */
  private clearNextExpiry(): void {
    this.nextExpiry.remove();
  }

  /** Takes one census for all gauges of a scrape, at most every 30 seconds. If it fails, they keep their values. */
  private async take(): Promise<void> {
    if (performance.now() - this.takenAtMs >= CENSUS_TTL_MS) await this.counted.get();
  }

  private async count(): Promise<void> {
    const now = this.clock.now();
    const [census, states, objects] = await Promise.all([
      this.census.take(),
      this.rateLimits.all(),
      this.objectLimits.count(now),
    ]);
    this.credentials.reset();
    for (const { kind, health, count } of census.byKindAndHealth) this.credentials.set({ kind, health }, count);
    if (census.nextExpiryAt === null) this.clearNextExpiry();
    else this.nextExpiry.set((census.nextExpiryAt.getTime() - now.getTime()) / 1000);
    this.lag.set({ sweep: 'refresh' }, overdue(census.oldestRefreshDueAt, now));
    this.lag.set({ sweep: 'health' }, overdue(census.oldestCheckDueAt, now));
    const labelOf = chooseAppLabels(states);
    const highest = new Map<string, number>();
    for (const gauge of [this.throttle, this.usage]) gauge.reset();
    for (const { appId, ...state } of states) {
      const throttled = state.stoppedUntil !== null && state.stoppedUntil > now;
      const app_id = labelOf(appId);
      this.throttle.inc({ app_id, state: 'throttled' }, throttled ? 1 : 0);
      this.throttle.inc({ app_id, state: 'breaker_open' }, state.breaker === 'open' ? 1 : 0);
      highest.set(app_id, Math.max(highest.get(app_id) ?? 0, state.usagePercent));
    }
    for (const [app_id, percent] of highest) this.usage.set({ app_id }, percent);
    this.limitedObjects.reset();
    for (const { appId, scope, count } of objects) this.limitedObjects.inc({ app_id: labelOf(appId), scope }, count);
    this.takenAtMs = performance.now();
  }
}

function overdue(dueAt: Date | null, now: Date): number {
  return dueAt === null ? 0 : Math.max(0, (now.getTime() - dueAt.getTime()) / 1000);
}
