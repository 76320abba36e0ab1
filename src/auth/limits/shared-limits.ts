import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { Database } from '../../database/database.ts';
import { DatabaseClock } from '../../database/database-clock.ts';
import { cacheSize } from '../../platform/cache-size.ts';
import { JobScheduler, RUNS_JOBS } from '../../platform/jobs/job-scheduler.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import { Random } from '../../platform/random.ts';
import { exchangeUsage, purgeUsage } from './shared-limit.repository.ts';
import { type LimitDecision, type LimitPolicy, SharedLimit, type UsageReport } from './shared-limit.ts';

/** Time between exchanges: the shortest, the usual one, and the one while the database is unavailable. */
const URGENT_MS = 50;
const USUAL_MS = 200;
const RETRY_MS = 1_000;
const PURGE_INTERVAL_MS = 60_000;
const MAX_TRACKED = 20_000;
const MAX_EXCHANGED = 1_000;

/**
 * Limits over all replicas. Decides at once, from this replica's counts and what the others last reported; a statement
 * several times a second exchanges the counts of all limits in use. While the database is unavailable, a replica keeps
 * its last share of each limit.
 */
@Injectable()
export class SharedLimits implements OnApplicationShutdown {
  readonly #limits = new LRUCache<string, SharedLimit>(cacheSize(MAX_TRACKED));
  readonly #untold = new Set<string>();
  readonly #replica: string;
  #isIsolated = false;
  #timer: NodeJS.Timeout | null = null;
  #dueMs = Number.POSITIVE_INFINITY;
  #exchangedMs = Number.NEGATIVE_INFINITY;
  #running: Promise<void> | null = null;
  #isStopped = false;

  constructor(
    private readonly database: Database,
    // Periods must begin at the same time everywhere.
    private readonly clock: DatabaseClock,
    random: Random,
    jobs: JobScheduler,
    @Inject(RUNS_JOBS) private readonly isReplica: boolean,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {
    this.#replica = random.bytes(9).toString('base64url');
    jobs.register({
      name: 'shared-limit-purge',
      schedule: { everyMs: PURGE_INTERVAL_MS },
      run: () => purgeUsage(this.database, this.clock.now()),
    });
  }

  /** Counts a request under a name. Called on the hot path: must not block. */
  take(name: string, policy: LimitPolicy): LimitDecision {
    let limit = this.#limits.get(name);
    if (limit === undefined) {
      limit = new SharedLimit();
      this.#limits.set(name, limit);
    }
    const decision = limit.take(policy, this.clock.now().getTime(), this.#isIsolated);
    this.#tell(name, limit, policy);
    return decision;
  }

  /** Reconsiders the last request under a name, under another policy. */
  retake(name: string, policy: LimitPolicy): LimitDecision {
    const limit = this.#limits.get(name);
    return limit?.retake(policy, this.clock.now().getTime(), this.#isIsolated) ?? this.take(name, policy);
  }

  /** Reports the last counts to the others. */
  async onApplicationShutdown(): Promise<void> {
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#running;
    if (this.isReplica) await this.exchange();
  }

  #tell(name: string, limit: SharedLimit, policy: LimitPolicy): void {
    this.#untold.add(name);
    if (this.isReplica) this.#schedule(limit.isExchangeUrgent(policy) ? URGENT_MS : USUAL_MS);
  }

  /** Schedules the next exchange `intervalMs` after the last one, unless an earlier one is scheduled. */
  #schedule(intervalMs: number): void {
    if (this.#isStopped || this.#running !== null) return;
    const nowMs = performance.now();
    const dueMs = Math.max(nowMs, this.#exchangedMs + (this.#isIsolated ? RETRY_MS : intervalMs));
    if (dueMs >= this.#dueMs) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#dueMs = dueMs;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#dueMs = Number.POSITIVE_INFINITY;
      this.#running = this.exchange().finally(() => {
        this.#running = null;
        if (this.#untold.size > 0) this.#schedule(USUAL_MS);
      });
    }, dueMs - nowMs).unref();
  }

  /** Reports new counts to the others and learns theirs. Never rejects. */
  async exchange(): Promise<void> {
    if (this.#untold.size === 0) return;
    this.#exchangedMs = performance.now();
    const reports = this.#takeReports();
    try {
      const { database, clock } = this;
      const told = { replica: this.#replica, names: [...reports.keys()], reports: [...reports.values()] };
      for (const { name, others, othersBefore } of await exchangeUsage(database, { ...told, now: clock.now() }))
        this.#limits.get(name)?.learn(reports.get(name)?.period ?? 0, others, othersBefore);
      this.#isIsolated = false;
    } catch (error) {
      for (const name of reports.keys()) this.#untold.add(name);
      if (!this.#isIsolated)
        this.logger.warn({ err: error }, 'limits are not shared with other replicas until the database answers');
      this.#isIsolated = true;
    }
  }

  #takeReports(): Map<string, UsageReport> {
    const reports = new Map<string, UsageReport>();
    for (const name of this.#untold) {
      if (reports.size === MAX_EXCHANGED) break;
      this.#untold.delete(name);
      const limit = this.#limits.get(name);
      if (limit !== undefined) reports.set(name, limit.report());
    }
    return reports;
  }
}
