import { Injectable } from '@nestjs/common';
import type { MetaConfig } from '../config/config.ts';
import type { AppCheck } from '../meta/app-api.ts';
import { metaUnavailable } from '../meta/errors/meta-unavailable.ts';
import type { TokenHostName } from '../meta/graph/graph-host.ts';
import { MetaApp } from '../meta/meta-apps.ts';
import { MetaClients } from '../meta/meta-clients.ts';
import { AppError } from '../platform/problem.ts';
import { appRejected } from './app-problems.ts';

const RETRY_AFTER_SECONDS = 30;

/** Asks Meta whether an app's id and secret belong together. */
@Injectable()
export class AppCheckService {
  constructor(private readonly clients: MetaClients) {}

  /**
   * Checks the Meta app, and the Threads app if there is one. The Instagram app can't be checked, because its host
   * grants no app tokens. Throws 409 `app_rejected`, 503 `meta_unavailable`.
   */
  async requireAccepted(config: MetaConfig): Promise<void> {
    const { app } = this.clients.as(new MetaApp(config));
    await this.require(config.app.id, 'facebook', (host) => app.verifyAppCredentials(host));
    if (config.threadsApp !== null)
      await this.require(config.threadsApp.id, 'threads', (host) => app.verifyAppCredentials(host));
  }

  private async require(
    id: string,
    host: TokenHostName,
    check: (host: TokenHostName) => Promise<AppCheck>,
  ): Promise<void> {
    const result = await check(host);
    if (result.ok) return;
    const { verdict, meta, words } = result;
    if (verdict.kind !== 'transient' && verdict.kind !== 'throttled')
      throw new AppError(appRejected, {
        detail: `Meta does not accept app ${id} with this secret${words === null ? '.' : `: “${words}”`}`,
        meta,
      });
    throw new AppError(metaUnavailable, {
      detail: 'Meta could not be asked whether the app id and its secret belong together. Nothing was stored.',
      remedy: 'Send the request again after the time in Retry-After.',
      retryAfterSeconds: (verdict.kind === 'throttled' ? verdict.retryAfterSeconds : null) ?? RETRY_AFTER_SECONDS,
      meta,
    });
  }
}
