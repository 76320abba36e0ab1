import { Module, type OnModuleInit } from '@nestjs/common';
import { AccessModule } from '../access/access.module.ts';
import { ConnectionsModule } from '../connections/connections.module.ts';
import { LifecycleModule } from '../lifecycle/lifecycle.module.ts';
import { Upkeep } from '../lifecycle/upkeep.ts';
import { GatewayLeases } from './gateway-leases.ts';
import { IssueLease } from './issue-lease.ts';
import { LeaseCheck } from './lease-check.ts';
import { LeaseRecords } from './lease-records.ts';
import { LeasesController } from './leases.controller.ts';
import { SealAlarm } from './seal-alarm.ts';

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
