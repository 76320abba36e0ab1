import { Module } from '@nestjs/common';
import { ConnectionsModule } from '../connections/connections.module.ts';
import { LifecycleModule } from '../lifecycle/lifecycle.module.ts';
import { GatewayLeases } from './gateway-leases.ts';
import { IssueLease } from './issue-lease.ts';
import { LeaseCheck } from './lease-check.ts';
import { LeaseRecords } from './lease-records.ts';
import { LeasesController } from './leases.controller.ts';

@Module({
  imports: [ConnectionsModule, LifecycleModule],
  controllers: [LeasesController],
  providers: [IssueLease, LeaseCheck, LeaseRecords, GatewayLeases],
  exports: [LeaseCheck, GatewayLeases, LeaseRecords],
})
export class LeasesModule {}
