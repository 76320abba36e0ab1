import { Module, type OnModuleInit } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.ts';
import { ConnectionsModule } from '../connections/connections.module.ts';
import { RetentionService } from '../database/retention.service.ts';
import { LifecycleModule } from '../lifecycle/lifecycle.module.ts';
import { MetaModule } from '../meta/meta.module.ts';
import { GatewayLeaseVerifier } from './gateway-lease-verifier.ts';
import { IntegrityAlert } from './integrity-alert.ts';
import { LeaseService } from './lease.service.ts';
import { LeaseIssuer } from './lease-issuer.ts';
import { LeasesController } from './leases.controller.ts';
import { TokenReplacementService } from './token-replacement.service.ts';

@Module({
  imports: [AuthModule, ConnectionsModule, LifecycleModule, MetaModule],
  controllers: [LeasesController],
  providers: [LeaseIssuer, GatewayLeaseVerifier, LeaseService, TokenReplacementService, IntegrityAlert],
  exports: [GatewayLeaseVerifier, TokenReplacementService, LeaseService],
})
export class LeasesModule implements OnModuleInit {
  constructor(
    private readonly retentionService: RetentionService,
    private readonly leaseService: LeaseService,
  ) {}

  /** Leases that ended go after RETENTION_DAYS. */
  onModuleInit(): void {
    this.retentionService.register('ended leases', (endedBefore, limit) => this.leaseService.purge(endedBefore, limit));
  }
}
