import { Module } from '@nestjs/common';
import { AccessModule } from '../auth/auth.module.ts';
import { LeasesModule } from '../leases/leases.module.ts';
import { LifecycleModule } from '../lifecycle/lifecycle.module.ts';
import { CallLimits } from './concurrency-limiter.ts';
import { GatewayDoor } from './gateway.http-handler.ts';
import { GatewayCalls } from './gateway.service.ts';
import { GatewayMetrics } from './gateway-metrics.ts';
import { LeaseWatch } from './lease-monitor.ts';
import { CallPolicy } from './request/call-policy.ts';
import { CallIntake } from './request/gateway-request-parser.ts';
import { AnswerState } from './response/response-observer.ts';
import { AnswerRelay } from './response/response-relay.ts';
import { UsageRecord } from './usage-recorder.ts';

/** Graph calls with a lease. `GatewayDoor` brings its own routes to Fastify. */
@Module({
  imports: [AccessModule, LeasesModule, LifecycleModule],
  providers: [
    AnswerRelay,
    AnswerState,
    CallIntake,
    { provide: CallLimits, useFactory: () => new CallLimits() },
    CallPolicy,
    GatewayCalls,
    GatewayMetrics,
    GatewayDoor,
    LeaseWatch,
    UsageRecord,
  ],
  exports: [GatewayDoor],
})
export class GatewayModule {}
