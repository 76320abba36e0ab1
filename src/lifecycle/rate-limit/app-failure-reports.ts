import { Inject, Injectable } from '@nestjs/common';
import { AppFailures } from '../../apps/app-failures.service.ts';
import type { MetaError } from '../../meta/errors/meta-error.ts';
import { Clock } from '../../platform/clock.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import { type AppRateLimitState, isLimitOver } from './rate-limit-rules.ts';

/**
 * Reports to `AppFailures` what calls run into. Never throws: the call's own outcome matters more than a failure to
 * store what it says about the app.
 */
@Injectable()
export class AppFailureReports {
  readonly #throttled = new Set<string>();

  constructor(
    private readonly failures: AppFailures,
    private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {}

  async refused(appId: string, refusal: MetaError): Promise<void> {
    await this.failures.report(appId, refusal).catch((error: unknown) => {
      this.logger.warn({ err: error, app_id: appId }, 'the refusal of an app could not be stored');
    });
  }

  async accepted(appId: string, limits: AppRateLimitState): Promise<void> {
    const over = { isLimitOver: isLimitOver(limits, this.clock.now()) };
    await this.failures.clear(appId, over).catch((error: unknown) => {
      this.logger.warn({ err: error, app_id: appId }, 'the end of the failure of an app could not be stored');
    });
  }

  /** Keeps the report for `flush`: a Graph call must not wait for it. */
  throttled(appId: string): void {
    this.#throttled.add(appId);
  }

  /** `limitsOf`: the limits as this replica knows them. A limit that has ended in the meantime is not reported. */
  async flush(limitsOf: (appId: string) => AppRateLimitState): Promise<void> {
    for (const appId of [...this.#throttled]) {
      this.#throttled.delete(appId);
      if (isLimitOver(limitsOf(appId), this.clock.now())) continue;
      await this.failures.reportThrottled(appId).catch((error: unknown) => {
        this.#throttled.add(appId);
        this.logger.warn({ err: error, app_id: appId }, 'the limit of an app could not be stored');
      });
    }
  }

  /** Why a breaker is open. */
  async outageOf(appId: string): Promise<'unavailable' | 'app_refused'> {
    return (await this.failures.isRefused(appId)) ? 'app_refused' : 'unavailable';
  }
}
