import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { Product } from '../../config/config.ts';
import type { CredentialKind } from '../../connections/credentials/credential-kind.ts';
import { Database } from '../../database/database.ts';
import { RetentionService } from '../../database/retention.service.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { DAY_SECONDS } from '../../platform/duration.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import type { CheckOutcome } from '../inspection/token-inspector.ts';
import { LifecycleMetrics } from '../lifecycle-metrics.ts';
import type { RefreshOutcome } from '../refresh/token-refresher.ts';
import {
  type Activity,
  type ActivityCount,
  type ActivityOutcome,
  addActivity,
  deleteActivityBefore,
} from './lifecycle-activity.repository.ts';

/** Outcomes within this time share one write. */
const FLUSH_DELAY_MS = 2_000;

/** The overview shows a week, however short the retention is. */
const MIN_KEPT_SECONDS = 8 * DAY_SECONDS;

/** What a credential adds to the count of its outcome. */
interface Worked {
  tenant: string;
  product: Product;
  kind: CredentialKind;
}

/** `dead`: the token had ended, which an inspection is meant to find. Unlisted outcomes say nothing about the token. */
const OUTCOMES: Readonly<Record<Activity, Readonly<Record<string, ActivityOutcome>>>> = {
  renewal: { refreshed: 'succeeded', failed: 'failed', dead: 'failed' },
  inspection: { alive: 'succeeded', dead: 'succeeded', to_be_derived: 'succeeded', failed: 'failed' },
};

/**
 * Counts outcomes of background work: in the metrics of this replica, and by tenant and day in the database, a few
 * seconds later and independently of the work. A replica that is killed loses those seconds.
 */
@Injectable()
export class ActivityRecorder implements OnModuleInit, OnApplicationShutdown {
  #counts = new Map<string, ActivityCount>();
  #timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly metrics: LifecycleMetrics,
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly retention: RetentionService,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {}

  onModuleInit(): void {
    this.retention.register('counts of background work', (endedBefore, limit) => {
      const shown = addSeconds(this.clock.now(), -MIN_KEPT_SECONDS);
      return deleteActivityBefore(this.database, endedBefore < shown ? endedBefore : shown, limit);
    });
  }

  async onApplicationShutdown(): Promise<void> {
    await this.flush();
  }

  /** The outcomes of refreshes of one connection's credentials. */
  recordRefreshes([first]: readonly Worked[], outcomes: readonly RefreshOutcome[]): void {
    if (first === undefined) return;
    for (const outcome of outcomes) {
      this.metrics.recordRefresh(first.kind, outcome);
      this.add('renewal', first, outcome);
    }
  }

  /** The outcomes of rotations of one connection's credentials. */
  recordRotations([first]: readonly Worked[], outcomes: readonly RefreshOutcome[]): void {
    if (first === undefined) return;
    for (const outcome of outcomes) {
      this.metrics.recordRotation(outcome);
      this.add('renewal', first, outcome);
    }
  }

  /** The outcome of the inspection of each credential. */
  recordChecks(checked: readonly Worked[], outcomes: readonly CheckOutcome[]): void {
    for (const [index, outcome] of outcomes.entries()) {
      this.metrics.recordCheck(outcome);
      const one = checked[index];
      if (one !== undefined) this.add('inspection', one, outcome);
    }
  }

  /** Writes the counts so far. Counts that can't be written now are written later. Never rejects. */
  async flush(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const counts = [...this.#counts.values()];
    if (counts.length === 0) return;
    this.#counts = new Map();
    try {
      await addActivity(this.database, counts);
    } catch (error) {
      this.logger.warn({ err: error }, 'outcomes of background work could not be counted yet');
      for (const each of counts) this.merge(each);
    }
  }

  private add(activity: Activity, { tenant, product }: Worked, result: string): void {
    const outcome = OUTCOMES[activity][result];
    if (outcome === undefined) return;
    const day = this.clock.now().toISOString().slice(0, 10);
    this.merge({ tenant, day, product, activity, outcome, count: 1 });
  }

  private merge(added: ActivityCount): void {
    const key = JSON.stringify([added.tenant, added.day, added.product, added.activity, added.outcome]);
    const known = this.#counts.get(key);
    if (known === undefined) this.#counts.set(key, added);
    else known.count += added.count;
    this.#timer ??= setTimeout(() => void this.flush(), FLUSH_DELAY_MS).unref();
  }
}
