import { Injectable } from '@nestjs/common';
import { AppRepository } from '../../apps/app.repository.ts';
import { ChainProgress } from '../../audit/chain/chain-progress.ts';
import type { AuthenticatedClient } from '../../auth/authenticated-client.ts';
import { visibleProducts, visibleTenants } from '../../auth/policy/policy.ts';
import type { ConnectionGroup } from '../../connections/counts/connection-count.repository.ts';
import { ConnectionCountsService } from '../../connections/counts/connection-counts.service.ts';
import { Database } from '../../database/database.ts';
import { EventBacklogQuery } from '../../events/deliveries/event-backlog.query.ts';
import { countSubscriptions } from '../../events/subscriptions/subscription-counts.query.ts';
import { type Activity, listActivity } from '../../lifecycle/activity/lifecycle-activity.repository.ts';
import { AppRateLimitRepository } from '../../lifecycle/rate-limit/app-rate-limit.repository.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { DAY_SECONDS } from '../../platform/duration.ts';
import { summarizeKeks } from '../../vault/keys/kek-summary.query.ts';
import type { OverviewResponse } from './overview.dto.ts';

const ACTIVITY_DAYS = 7;
const MAX_APPS = 50;

/** The parts that are the same for every client that may see them. */
type Installation = Pick<OverviewResponse, 'apps' | 'subscriptions' | 'audit' | 'keys'>;

/** Builds the overview from maintained counts and a few rows each, so that it costs the same at any size. */
@Injectable()
export class OverviewService {
  constructor(
    private readonly connections: ConnectionCountsService,
    private readonly rateLimits: AppRateLimitRepository,
    private readonly apps: AppRepository,
    private readonly backlog: EventBacklogQuery,
    private readonly chain: ChainProgress,
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** Returns what the client's policy covers. */
  async read(client: AuthenticatedClient): Promise<OverviewResponse> {
    const [tenants, products] = [visibleTenants(client), visibleProducts(client)];
    const now = this.clock.now();
    const days = lastDays(now);
    const isVisible = ({ product }: { product: string }): boolean => products === null || products.includes(product);
    const [{ counts, counted_at }, activity, installation] = await Promise.all([
      this.connections.read(tenants),
      listActivity(this.database.reads, tenants, days[0] ?? ''),
      tenants === null && products === null ? this.readInstallation(now) : NOTHING,
    ]);
    const groups = counts.groups.filter(isVisible);
    const visible = activity.filter(isVisible);
    const byDay = (kind: Activity) =>
      days.map((date) => {
        const sum = (outcome: string): number =>
          total(visible.filter((each) => each.activity === kind && each.day === date && each.outcome === outcome));
        return { date, succeeded: sum('succeeded'), failed: sum('failed') };
      });
    return {
      connections: {
        total: total(groups.filter(({ status }) => status !== 'revoked')),
        by: [...sumBy(groups, ({ product, status, health }) => ({ product, status, health }))],
        counted_at: counted_at.toISOString(),
      },
      expiries: [...sumBy(counts.expiries.filter(isVisible), ({ day }) => ({ date: day }))],
      renewals: byDay('renewal'),
      inspections: byDay('inspection'),
      needs_person: toNeedsPerson(groups),
      ...installation,
      generated_at: now.toISOString(),
    };
  }

  private async readInstallation(now: Date): Promise<Installation> {
    const [apps, subscriptions, backlog, chain, keys] = await Promise.all([
      this.readApps(now),
      countSubscriptions(this.database.reads),
      this.backlog.count(),
      this.chain.state(),
      summarizeKeks(this.database.reads),
    ]);
    return {
      apps,
      subscriptions: { ...subscriptions, undelivered: backlog.pending, dead: backlog.dead },
      audit: { entries: chain.entries, unlinked: chain.unlinked, held_up_since: toText(chain.heldUpSince) },
      keys: {
        ...keys,
        active_since: toText(keys.active_since),
        oldest_in_use_since: toText(keys.oldest_in_use_since),
      },
    };
  }

  private async readApps(now: Date): Promise<OverviewResponse['apps']> {
    const states = await this.rateLimits.all();
    const busiest = states.sort((a, b) => b.usagePercent - a.usagePercent).slice(0, MAX_APPS);
    const ids = busiest.map(({ appId }) => appId);
    const rows = await this.apps.findByAnyId(this.database, ids);
    const names = new Map(rows.map((row) => [row.app_id, this.apps.accept(row)?.name ?? null]));
    return busiest.map((state) => {
      const isStopped = state.stoppedUntil !== null && state.stoppedUntil > now;
      return {
        app_id: state.appId,
        name: names.get(state.appId) ?? null,
        usage_percent: state.usagePercent,
        usage_at: toText(state.usageAt),
        stopped_until: isStopped ? toText(state.stoppedUntil) : null,
        stop_cause: isStopped ? state.stopCause : null,
        is_unavailable: state.breaker === 'open',
      };
    });
  }
}

const NOTHING: Installation = { apps: null, subscriptions: null, audit: null, keys: null };

function toNeedsPerson(groups: readonly ConnectionGroup[]): OverviewResponse['needs_person'] {
  const needing = groups.filter(
    ({ status, reason }) => status === 'reauth_required' || (status === 'active' && reason !== null),
  );
  return [...sumBy(needing, ({ status, reason }) => ({ status, reason }))].sort((a, b) => b.count - a.count);
}

/** Sums of `count` over rows with the same key, in order of first occurrence. */
function sumBy<R extends { count: number }, K extends object>(
  rows: readonly R[],
  keyOf: (row: R) => K,
): Iterable<K & { count: number }> {
  const sums = new Map<string, K & { count: number }>();
  for (const row of rows) {
    const key = keyOf(row);
    const name = JSON.stringify(key);
    const known = sums.get(name);
    if (known === undefined) sums.set(name, { ...key, count: row.count });
    else known.count += row.count;
  }
  return sums.values();
}

/** The last days in UTC, oldest first, today included. */
function lastDays(now: Date): string[] {
  return Array.from({ length: ACTIVITY_DAYS }, (_, index) =>
    addSeconds(now, (index + 1 - ACTIVITY_DAYS) * DAY_SECONDS)
      .toISOString()
      .slice(0, 10),
  );
}

function total(rows: readonly { count: number }[]): number {
  return rows.reduce((sum, { count }) => sum + count, 0);
}

function toText(instant: Date | null): string | null {
  return instant?.toISOString() ?? null;
}
