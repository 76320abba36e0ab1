import { Global, Module } from '@nestjs/common';
import { UsageObserver } from '../../meta/graph/usage-observer.ts';
import { AppFailureReports } from './app-failure-reports.ts';
import { AppRateLimitRepository } from './app-rate-limit.repository.ts';
import { AppRateLimiter } from './app-rate-limiter.ts';
import { ObjectRateLimitRepository } from './object-rate-limit.repository.ts';
import { ObjectRateLimiter } from './object-rate-limiter.ts';

/** Global: every call to Meta, by `MetaModule` or the gateway, reports the limits in its response. */
@Global()
@Module({
  providers: [
    AppFailureReports,
    AppRateLimiter,
    AppRateLimitRepository,
    ObjectRateLimiter,
    ObjectRateLimitRepository,
    { provide: UsageObserver, useExisting: AppRateLimiter },
  ],
  exports: [AppRateLimiter, AppRateLimitRepository, ObjectRateLimitRepository, UsageObserver],
})
export class RateLimitModule {}
