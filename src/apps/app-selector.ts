import { Injectable } from '@nestjs/common';
import { notAllowed } from '../auth/policy/policy.ts';
import { Database } from '../database/database.ts';
import { type MetaApp, MetaApps } from '../meta/meta-apps.ts';
import { AppError } from '../platform/problem.ts';
import { AppRepository } from './app.repository.ts';
import { ambiguousApp, appNotFound } from './app-problems.ts';
import type { AppRow } from './app-row.ts';

const ALL_TENANTS = '*';

/** Decides under which app a tenant's new connection is created. */
@Injectable()
export class AppSelector {
  constructor(
    private readonly database: Database,
    private readonly repository: AppRepository,
    private readonly apps: MetaApps,
  ) {}

  /**
   * Returns the requested app, else the one that names the tenant, else the one for all tenants, else the
   * environment's. Throws 404 `app_not_found`, 403 `not_allowed` if the requested app does not cover the tenant, 409
   * `ambiguous_app` for several of equal rank.
   */
  async select(tenant: string, appId: string | null): Promise<MetaApp> {
    if (appId === null) return this.selectForTenant(tenant);
    if (appId === this.apps.primary.id) return this.apps.primary;
    const row = await this.repository.find(this.database, appId);
    if (row === null) throw new AppError(appNotFound);
    if (!row.tenants.includes(tenant) && !row.tenants.includes(ALL_TENANTS))
      throw new AppError(notAllowed, {
        detail: `App ${appId} does not serve the tenant ${tenant}.`,
        remedy: 'Ask an admin to add the tenant to the app, or leave out app_id.',
      });
    return this.require(appId);
  }

  /** Like `select`, but returns the id that sessions and authorizations store: null for the environment's app. */
  async selectId(tenant: string, appId: string | null): Promise<string | null> {
    const app = await this.select(tenant, appId);
    return app === this.apps.primary ? null : app.id;
  }

  private async selectForTenant(tenant: string): Promise<MetaApp> {
    const chosen = chooseApp(await this.repository.listOfTenant(this.database, tenant), tenant);
    if (chosen === null) return this.apps.primary;
    return this.require(chosen.app_id);
  }

  private async require(appId: string): Promise<MetaApp> {
    const app = await this.apps.findOwn(appId);
    if (app === null) throw new AppError(appNotFound);
    return app;
  }
}

/** Chooses by rank. Null if none serves the tenant. Throws 409 `ambiguous_app`. */
export function chooseApp<A extends Pick<AppRow, 'app_id' | 'tenants'>>(apps: readonly A[], tenant: string): A | null {
  for (const name of [tenant, ALL_TENANTS]) {
    const ofRank = apps.filter(({ tenants }) => tenants.includes(name));
    const ids = [...new Set(ofRank.map(({ app_id: id }) => id))];
    if (ids.length > 1)
      throw new AppError(ambiguousApp, {
        detail: `Apps ${ids.join(', ')} serve the tenant ${tenant} with equal rank.`,
      });
    if (ofRank[0] !== undefined) return ofRank[0];
  }
  return null;
}
