import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { Config } from '../../config/config.ts';
import { CredentialClaimRepository } from '../../connections/credentials/credential-claim.repository.ts';
import type { ClaimedCredential } from '../../connections/credentials/credential-snapshot.ts';
import { type DueWorkKind, listAppsWithDue } from '../../connections/due-apps.query.ts';
import { Database } from '../../database/database.ts';
import { Clock } from '../../platform/clock.ts';
import { JobScheduler } from '../../platform/jobs/job-scheduler.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import { inSpan } from '../../platform/tracing.ts';
import type { CheckOutcome } from '../inspection/token-inspector.ts';
import { LifecycleMetrics } from '../lifecycle-metrics.ts';
import { AppRateLimiter } from '../rate-limit/app-rate-limiter.ts';
import type { RefreshOutcome } from '../refresh/token-refresher.ts';
import { CredentialWorker } from './credential-worker.ts';
import { forEachApp } from './for-each-app.ts';
import { forEachConcurrent } from './for-each-concurrent.ts';
import { RefreshClaims, type SweepScope } from './refresh-claims.ts';

export type SweepKind = 'refresh' | 'health';

const DUE_WORK: Readonly<Record<SweepKind, readonly DueWorkKind[]>> = {
  refresh: ['refreshes', 'rotations'],
  health: ['checks'],
};

export interface SweepCounts {
  claimed: number;
  /** Refreshed or inspected. */
  done: number;
  failed: number;
  skipped: number;
  durationSeconds: number;
}

/** One app's share of a sweep. */
interface AppSweep {
  appId: string;
  counts: SweepCounts;
  isStopping(): boolean;
}

/** Graph's maximum batch size (docs/meta-facts.md#the-form-of-a-batch). */
const CHECK_BATCH = 50;
/** Each batch counts as this many concurrent calls. */
const CALLS_PER_CHECK_BATCH = 8;
/** Final share of REFRESH_BEFORE_EXPIRY_SECONDS: of seven days, the last 42 hours. */
const NEAR_EXPIRY_SHARE = 1 / 4;
/** At one probe a minute, 7,200 a day per app: enough for 430,000 connections with 60-day tokens. */
const REFRESHES_PER_PROBE = 5;

/** Processes what is due and not claimed by another replica. Sweeps each app separately, within its own rate limit. */
@Injectable()
export class Sweep implements OnModuleDestroy {
  private readonly stopping = new AbortController();

  constructor(
    private readonly claims: CredentialClaimRepository,
    private readonly refreshClaims: RefreshClaims,
    private readonly worker: CredentialWorker,
    private readonly rateLimiter: AppRateLimiter,
    private readonly metrics: LifecycleMetrics,
    private readonly config: Config,
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly jobs: JobScheduler,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {}

  /** Returns the ids of apps whose tokens are due for this kind of sweep. */
  async listDueApps(kind: SweepKind): Promise<string[]> {
    const now = this.clock.now();
    const found: string[] = [];
    for (const work of DUE_WORK[kind]) found.push(...(await listAppsWithDue(this.database, work, now)));
    return [...new Set(found)];
  }

  /** Refreshes, tenants taking turns, earliest expiry first, until nothing is due or allowed, or `signal` aborts. */
  async refresh(scope: SweepScope = 'due', appIds?: readonly string[], signal?: AbortSignal): Promise<SweepCounts> {
    return this.sweep('refresh', appIds ?? (await this.listDueApps('refresh')), signal, async (run) => {
      await this.refreshApp(run, scope);
      await this.refreshNearExpiry(run);
    });
  }

  /** Inspects, tenants taking turns, longest due first, until nothing is due or allowed, or `signal` aborts. */
  async health(scope: SweepScope = 'due', appIds?: readonly string[], signal?: AbortSignal): Promise<SweepCounts> {
    return this.sweep('health', appIds ?? (await this.listDueApps('health')), signal, (run) =>
      this.checkApp(run, scope),
    );
  }

  /** Stops requested sweeps, which would keep the server open. Scheduled sweeps stop by their jobs' signals. */
  onModuleDestroy(): void {
    this.stopping.abort();
  }

  private async sweep(
    kind: SweepKind,
    appIds: readonly string[],
    signal: AbortSignal | undefined,
    sweepApp: (run: AppSweep) => Promise<void>,
  ): Promise<SweepCounts> {
    const startedAtMs = performance.now();
    const counts: SweepCounts = { claimed: 0, done: 0, failed: 0, skipped: 0, durationSeconds: 0 };
    const isStopping = (): boolean => this.stopping.signal.aborted || signal?.aborted === true;
    await this.jobs.track(
      inSpan({ name: `${kind} sweep`, kind: 'internal' }, async (span) => {
        await forEachApp(appIds, (appId) => sweepApp({ appId, counts, isStopping }));
        const { claimed, done, failed } = counts;
        span.set({
          'metavault.sweep.claimed': claimed,
          'metavault.sweep.done': done,
          'metavault.sweep.failed': failed,
        });
      }),
    );
    counts.durationSeconds = Math.round(performance.now() - startedAtMs) / 1000;
    if (counts.claimed > 0) {
      this.metrics.recordSweep(kind, counts.durationSeconds);
      this.logger.info({ sweep: kind, ...counts }, 'swept');
    }
    return counts;
  }

  private refreshApp({ appId, counts, isStopping }: AppSweep, scope: SweepScope): Promise<void> {
    return forEachConcurrent<ClaimedCredential>({
      concurrency: () => this.concurrency(appId, 1, isStopping),
      next: this.refreshClaims.open(appId, scope),
      work: (claimed) =>
        this.count(counts, 1, async () =>
          (await this.worker.refresh(claimed, 'scheduled')).map((outcome) => REFRESH_RESULTS[outcome]),
        ),
    });
  }

  /**
   * Keeps tokens from expiring during a long rate-limit stop of an app, which its product's own traffic may cause.
   * Refreshes those near expiry in probes, tenants taking turns, earliest expiry first, until Meta refuses these calls
   * too. Inspects nothing.
   */
  private async refreshNearExpiry({ appId, counts, isStopping }: AppSweep): Promise<void> {
    if (isStopping()) return;
    const endsBefore = await this.rateLimiter.claimLimitProbe(
      appId,
      this.config.refreshBeforeExpirySeconds * NEAR_EXPIRY_SHARE,
    );
    if (endsBefore === null) return;
    for (
      let left = REFRESHES_PER_PROBE;
      left > 0 && !isStopping() && !this.rateLimiter.isLimitProbeOver(appId);
      left--
    ) {
      const claimed = await this.refreshClaims.claimNearExpiry(appId, endsBefore);
      if (claimed === null) return;
      await this.count(counts, 1, async () =>
        (await this.worker.refresh(claimed, 'urgent')).map((outcome) => REFRESH_RESULTS[outcome]),
      );
    }
  }

  private checkApp({ appId, counts, isStopping }: AppSweep, scope: SweepScope): Promise<void> {
    return forEachConcurrent<ClaimedCredential[]>({
      concurrency: () => this.concurrency(appId, CALLS_PER_CHECK_BATCH, isStopping),
      next: async () => {
        const batch = await this.claims.claimDueInspections(
          appId,
          CHECK_BATCH,
          this.config.claimSeconds,
          scope === 'retries',
        );
        return batch.length === 0 ? [] : [batch];
      },
      work: (batch) =>
        this.count(counts, batch.length, async () => {
          const outcomes = await this.worker.check(batch, 'scheduled');
          await this.deriveAgain(
            batch.filter((_, index) => outcomes[index] === 'to_be_derived'),
            isStopping,
          );
          return outcomes.map((outcome) => CHECK_RESULTS[outcome]);
        }),
    });
  }

  /** Dead page tokens are useless until derived again. */
  private async deriveAgain(dead: readonly ClaimedCredential[], isStopping: () => boolean): Promise<void> {
    for (const connectionId of new Set(dead.map((page) => page.connectionId))) {
      if (isStopping()) return;
      await this.worker.deriveDue(connectionId, 'scheduled');
    }
  }

  private async concurrency(appId: string, share: number, isStopping: () => boolean): Promise<number> {
    if (isStopping()) return 0;
    const allowance = await this.rateLimiter.allowance(appId);
    if (allowance.kind === 'stop') return 0;
    return allowance.kind === 'probe' ? 1 : Math.max(1, Math.floor(allowance.concurrency / share));
  }

  private async count(counts: SweepCounts, claimed: number, work: () => Promise<SweepResult[]>): Promise<void> {
    try {
      const results = await work();
      counts.claimed += results.length;
      for (const result of results) counts[result]++;
    } catch (error) {
      counts.claimed += claimed;
      counts.failed += claimed;
      this.logger.error({ err: error }, 'sweep work failed; due again when its claim expires');
    }
  }
}

type SweepResult = 'done' | 'failed' | 'skipped';

const REFRESH_RESULTS: Readonly<Record<RefreshOutcome, SweepResult>> = {
  refreshed: 'done',
  failed: 'failed',
  dead: 'failed',
  not_due: 'skipped',
  stopped: 'skipped',
  lost: 'skipped',
};

/** Finding a token dead is a successful inspection. */
const CHECK_RESULTS: Readonly<Record<CheckOutcome, SweepResult>> = {
  alive: 'done',
  dead: 'done',
  to_be_derived: 'done',
  failed: 'failed',
  stopped: 'skipped',
  lost: 'skipped',
};
