import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.ts';
import type { SqlExecutor } from '../database/statement.ts';
import { Outbox } from '../events/outbox/outbox.ts';
import type { ConfigurationFault } from '../meta/errors/classify-error.ts';
import type { MetaError } from '../meta/errors/meta-error.ts';
import { MetaApps } from '../meta/meta-apps.ts';
import { Clock } from '../platform/clock.ts';
import { AppRepository } from './app.repository.ts';
import { onlyTenant } from './app-access.ts';
import { type AppFailureCode, deleteAppFailures, insertAppFailure, listFailingApps } from './app-failure.repository.ts';

/** How long another replica's finding may stay unknown here. It affects only how failures are described. */
const REREAD_MS = 60_000;
/** Meta's code for an unknown app (docs/meta-facts.md#code-exchange). */
const UNKNOWN_APP = 101;

const REASONS: Readonly<Record<AppFailureCode, { detail: string; remedy: string }>> = {
  app_rejected: {
    detail: 'Meta rejects the app or its secret, so its tokens are neither refreshed nor inspected. They stay valid.',
    remedy: 'Compare id and secret with the app dashboard, and send the secret to POST /v1/apps/{app_id}/secret.',
  },
  app_blocked: {
    detail: 'Meta has blocked the app, so its tokens are neither refreshed nor inspected.',
    remedy: 'Check the app dashboard for notices, and appeal there.',
  },
  app_throttled: {
    detail: 'The app is at a rate limit at Meta, so its background work waits. Its tokens stay valid.',
    remedy:
      'Nothing at first: work resumes automatically. If this persists, see the limits in the app dashboard, and call less often.',
  },
};

/**
 * Apps that Meta refuses or throttles. Subscribers are notified once, until Meta accepts the app again or its settings
 * change.
 */
@Injectable()
export class AppFailures {
  #failing: ReadonlyMap<string, AppFailureCode> = new Map();
  #readAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly database: Database,
    private readonly repository: AppRepository,
    private readonly apps: MetaApps,
    private readonly outbox: Outbox,
    private readonly clock: Clock,
  ) {}

  /** Notes a refused call. Does nothing if the refusal is not about the app as a whole. */
  async report(appId: string, { verdict, cause }: MetaError): Promise<void> {
    if (verdict.kind !== 'configuration') return;
    const code = toReason(verdict.what, cause.code);
    if (code !== null) await this.note(appId, code);
  }

  /** Notes that the app has reached one of its own limits. */
  async reportThrottled(appId: string): Promise<void> {
    await this.note(appId, 'app_throttled');
  }

  private async note(appId: string, code: AppFailureCode): Promise<void> {
    const known = (await this.failing()).get(appId);
    if (known === code || (known !== undefined && known !== 'app_throttled')) return;
    const app = await this.apps.find(appId);
    const isNew = await this.database.transaction(async (tx) => {
      if (!(await insertAppFailure(tx, appId, code, this.clock.now()))) return false;
      const row = app === null || app === this.apps.primary ? null : await this.repository.find(tx, app.id);
      const tenant = row === null ? null : onlyTenant(row);
      await this.outbox.add(tx, {
        type: 'app.failing',
        tenant,
        product: null,
        connectionId: null,
        data: {
          app_id: app?.id ?? appId,
          name: row?.name ?? null,
          tenant,
          reason: { code, ...REASONS[code] },
        },
      });
      return true;
    });
    // Otherwise another replica was first, perhaps with a worse reason, which the next reread finds.
    if (isNew || !this.#failing.has(appId)) this.#failing = new Map(this.#failing).set(appId, code);
  }

  /**
   * Notes an accepted call. A Meta app's calls carry its secret or a proof, so success shows that it is accepted again;
   * calls of Instagram and Threads apps may carry neither, and prove nothing. `isLimitOver`: no limit of the app is in
   * effect, or was until just now.
   */
  async clear(appId: string, { isLimitOver }: { isLimitOver: boolean }): Promise<void> {
    const code = (await this.failing()).get(appId);
    if (code === undefined) return;
    const isOver = code === 'app_throttled' ? isLimitOver : (await this.apps.findOwn(appId)) !== null;
    if (!isOver) return;
    await deleteAppFailures(this.database, [appId], code);
    this.drop([appId]);
  }

  /** Whether Meta refused the app and has not accepted it since, as far as this replica knows. */
  async isRefused(appId: string): Promise<boolean> {
    const code = (await this.failing()).get(appId);
    return code !== undefined && code !== 'app_throttled';
  }

  private async failing(): Promise<ReadonlyMap<string, AppFailureCode>> {
    const nowMs = this.clock.now().getTime();
    if (Math.abs(nowMs - this.#readAtMs) >= REREAD_MS) {
      this.#readAtMs = nowMs;
      this.#failing = await listFailingApps(this.database);
    }
    return this.#failing;
  }

  /** Forgets failures after a change of the app. */
  async forget(executor: SqlExecutor, appIds: readonly string[]): Promise<void> {
    await deleteAppFailures(executor, appIds, null);
    this.drop(appIds);
  }

  private drop(appIds: readonly string[]): void {
    this.#failing = new Map([...this.#failing].filter(([id]) => !appIds.includes(id)));
  }
}

/** Code 3 and API versions concern single calls or all apps; a redirect URI concerns logins. */
function toReason(what: ConfigurationFault, code: number | undefined): AppFailureCode | null {
  if (what === 'app_blocked') return 'app_blocked';
  const isRejected = what === 'secret' || what === 'proof' || (what === 'app' && code === UNKNOWN_APP);
  return isRejected ? 'app_rejected' : null;
}
