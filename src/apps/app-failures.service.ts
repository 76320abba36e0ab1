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
import { deleteAppFailures, insertAppFailure, listFailingApps } from './app-failure.repository.ts';

/** How long another replica's finding may stay unknown here. It only decides what failures say. */
const REREAD_MS = 60_000;
/** Meta's code for an unknown app (docs/meta-facts.md#code-exchange). */
const UNKNOWN_APP = 101;

const REASONS = {
  app_rejected: {
    detail: 'Meta rejects the app or its secret, so its tokens are neither refreshed nor inspected. They stay valid.',
    remedy: 'Compare id and secret with the app dashboard, and send the secret to POST /v1/apps/{app_id}/secret.',
  },
  app_blocked: {
    detail: 'Meta has blocked the app, so its tokens are neither refreshed nor inspected.',
    remedy: 'Check the app dashboard for notices, and appeal there.',
  },
} as const;

/** Apps that Meta refuses: subscribers are told once, until it accepts them again or their settings change. */
@Injectable()
export class AppFailures {
  #failing: ReadonlySet<string> = new Set();
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
    if (code === null || (await this.isFailing(appId))) return;
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
    if (isNew || !this.#failing.has(appId)) this.#failing = new Set([...this.#failing, appId]);
  }

  /**
   * Notes an accepted call of a Meta app: each of its calls carries its secret or a proof. Calls of Instagram and
   * Threads apps may carry neither, and prove nothing.
   */
  async clear(appId: string): Promise<void> {
    if (!(await this.isFailing(appId)) || (await this.apps.findOwn(appId)) === null) return;
    await this.forget(this.database, [appId]);
  }

  /** Whether Meta refused the app and has not accepted it since, as far as this replica knows. */
  async isFailing(appId: string): Promise<boolean> {
    const nowMs = this.clock.now().getTime();
    if (Math.abs(nowMs - this.#readAtMs) >= REREAD_MS) {
      this.#readAtMs = nowMs;
      this.#failing = new Set(await listFailingApps(this.database));
    }
    return this.#failing.has(appId);
  }

  /** Begins anew, after a change of the app. */
  async forget(executor: SqlExecutor, appIds: readonly string[]): Promise<void> {
    await deleteAppFailures(executor, appIds);
    this.#failing = new Set([...this.#failing].filter((id) => !appIds.includes(id)));
  }
}

/** Code 3 and API versions are about single calls or all apps; a redirect URI is about logins. */
function toReason(what: ConfigurationFault, code: number | undefined): keyof typeof REASONS | null {
  if (what === 'app_blocked') return 'app_blocked';
  const isRejected = what === 'secret' || what === 'proof' || (what === 'app' && code === UNKNOWN_APP);
  return isRejected ? 'app_rejected' : null;
}
