import { Module, type OnModuleInit } from '@nestjs/common';
import { AccessModule } from '../auth/auth.module.ts';
import { ConnectionsModule } from '../connections/connections.module.ts';
import { LifecycleModule } from '../lifecycle/lifecycle.module.ts';
import { Upkeep } from '../lifecycle/retention.service.ts';
import { LeaseCheck } from './gateway-lease-verifier.ts';
import { SealAlarm } from './integrity-alert.ts';
import { LeaseRecords } from './lease.service.ts';
import { IssueLease } from './lease-issuer.ts';
import { LeasesController } from './leases.controller.ts';
import { GatewayLeases } from './token-replacement.service.ts';

@Module({
  imports: [AccessModule, ConnectionsModule, LifecycleModule],
  controllers: [LeasesController],
  providers: [IssueLease, LeaseCheck, LeaseRecords, GatewayLeases, SealAlarm],
  exports: [LeaseCheck, GatewayLeases, LeaseRecords],
})
export class LeasesModule implements OnModuleInit {
  constructor(
    private readonly upkeep: Upkeep,
    private readonly records: LeaseRecords,
  ) {}

  /** Leases that ended go after RETENTION_DAYS. */
  onModuleInit(): void {
    this.upkeep.register('ended leases', (endedBefore, limit) => this.records.purge(endedBefore, limit));
  }
}
