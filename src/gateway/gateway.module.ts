import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.ts';
import { LeasesModule } from '../leases/leases.module.ts';
import { LifecycleModule } from '../lifecycle/lifecycle.module.ts';
import { MetaModule } from '../meta/meta.module.ts';
import { ConcurrencyLimiter } from './concurrency-limiter.ts';
import { GatewayHttpHandler } from './gateway.http-handler.ts';
import { GatewayService } from './gateway.service.ts';
import { GatewayErrorWriter } from './gateway-error-writer.ts';
import { GatewayMetrics } from './gateway-metrics.ts';
import { LeaseMonitor } from './lease-monitor.ts';
import { CallPolicy } from './request/call-policy.ts';
import { GatewayRequestParser } from './request/gateway-request-parser.ts';
import { RegistrationGuard } from './request/registration-guard.ts';
import { ResponseObserver } from './response/response-observer.ts';
import { ResponseRelay } from './response/response-relay.ts';
import { UsageRecorder } from './usage-recorder.ts';

/** Graph calls with a lease. `GatewayHttpHandler` takes them before Nest's routes. */
@Module({
  imports: [AuthModule, LeasesModule, LifecycleModule, MetaModule],
  providers: [
    GatewayErrorWriter,
    ResponseRelay,
    ResponseObserver,
    GatewayRequestParser,
    { provide: ConcurrencyLimiter, useFactory: () => new ConcurrencyLimiter() },
    RegistrationGuard,
    CallPolicy,
    GatewayService,
    GatewayMetrics,
    GatewayHttpHandler,
    LeaseMonitor,
    UsageRecorder,
  ],
  exports: [GatewayHttpHandler],
})
export class GatewayModule {}
