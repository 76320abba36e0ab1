import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.ts';
import { LeasesModule } from '../leases/leases.module.ts';
import { LifecycleModule } from '../lifecycle/lifecycle.module.ts';
import { AnswerRelay } from './answer-relay.ts';
import { AnswerState } from './answer-state.ts';
import { CallIntake } from './call-intake.ts';
import { CallLimits } from './call-limits.ts';
import { CallPolicy } from './call-policy.ts';
import { GatewayCalls } from './gateway-calls.ts';
import { GatewayDoor } from './gateway-door.ts';
import { GatewayMetrics } from './gateway-metrics.ts';
import { LeaseWatch } from './lease-watch.ts';
import { UsageRecord } from './usage-record.ts';

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
