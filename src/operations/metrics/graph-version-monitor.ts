import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { Gauge, Registry } from 'prom-client';
import {
  findOldestLivingVersion,
  getVersionEnd,
  VERSION_NOTICE_SECONDS,
  type VersionedApi,
} from '../../meta/graph/graph-version.ts';
import { MetaApps } from '../../meta/meta-apps.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { DAY_SECONDS } from '../../platform/duration.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';

/** Warns operators before the configured API version ends: by metrics, and once in the log at startup. */
@Injectable()
export class GraphVersionMonitor implements OnApplicationBootstrap {
  constructor(
    @Inject(MetaApps) private readonly apps: MetaApps,
    @Inject(Clock) private readonly clock: Clock,
    @Inject(Registry) registry: Registry,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {
    this.addGauge(registry, 'graph', 'metavault_graph_api_version_days_left', 'Graph');
    this.addGauge(registry, 'marketing', 'metavault_marketing_api_version_days_left', 'Marketing');
  }

  /** Only warns: with an ended version the service still works, because Meta serves another one instead. */
  onApplicationBootstrap(): void {
    const now = this.clock.now();
    for (const version of this.versions) {
      const end = getVersionEnd(version);
      if (end === null || (end !== 'past' && end > addSeconds(now, VERSION_NOTICE_SECONDS))) continue;
      const isOver = end === 'past' || end <= now;
      this.logger.warn(
        {
          version,
          ends_at: end === 'past' ? null : end.toISOString(),
          oldest_living: findOldestLivingVersion(now),
        },
        isOver
          ? 'META_GRAPH_API_VERSION has ended: Meta serves the oldest living version instead'
          : 'META_GRAPH_API_VERSION ends soon: set a newer one',
      );
    }
  }

  private addGauge(registry: Registry, api: VersionedApi, name: string, title: string): void {
    const daysLeft = (): [string, number][] => this.daysLeft(api);
    new Gauge({
      name,
      help:
        `Days until the configured ${title} API version ends according to Meta's changelog, negative after its end; ` +
        'missing if no end is known.',
      labelNames: ['version'] as const,
      registers: [registry],
      collect(): void {
        this.reset();
        for (const [version, days] of daysLeft()) this.set({ version }, days);
      },
    });
  }

  /** Returns whole days left by version, 0 for versions that ended before our table begins. */
  private daysLeft(api: VersionedApi): [string, number][] {
    const nowMs = this.clock.now().getTime();
    return this.versions.flatMap((version): [string, number][] => {
      const end = getVersionEnd(version, api);
      if (end === null) return [];
      return [[version, end === 'past' ? 0 : Math.floor((end.getTime() - nowMs) / (DAY_SECONDS * 1000))]];
    });
  }

  private get versions(): string[] {
    return [this.apps.primary.config.graphApiVersion];
  }
}
