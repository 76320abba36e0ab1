import { Global, Module, type OnModuleInit } from '@nestjs/common';
import { AuditedObjects } from '../audit/audited-objects.ts';
import { AuthModule } from '../auth/auth.module.ts';
import { ConnectionLeases } from '../connections/connection-leases.ts';
import { ConnectionsModule } from '../connections/connections.module.ts';
import { LifecycleModule } from '../lifecycle/lifecycle.module.ts';
import { MetaModule } from '../meta/meta.module.ts';
import { AUDITED_LEASES } from './audited-leases.query.ts';
import { ConnectionLeasesRepository } from './connection-leases.repository.ts';
import { GatewayLeaseVerifier } from './gateway-lease-verifier.ts';
import { IntegrityAlert } from './integrity-alert.ts';
import { LeaseService } from './lease.service.ts';
import { LeaseIssuer } from './lease-issuer.ts';
import { LeaseListService } from './lease-list.service.ts';
import { LeaseRequestService } from './lease-request.service.ts';
import { LeaseRetention } from './lease-retention.ts';
import { LeasesController } from './leases.controller.ts';
import { TokenReplacementService } from './token-replacement.service.ts';
import { WrittenLeaseCheck } from './written-lease-check.ts';

/** Global, because `connections` ends leases through `ConnectionLeases` and may not import this module. */
@Global()
@Module({
  imports: [AuthModule, ConnectionsModule, LifecycleModule, MetaModule],
  controllers: [LeasesController],
  providers: [
    LeaseRequestService,
    LeaseIssuer,
    GatewayLeaseVerifier,
    LeaseService,
    LeaseListService,
    LeaseRetention,
    TokenReplacementService,
    IntegrityAlert,
    WrittenLeaseCheck,
    { provide: ConnectionLeases, useClass: ConnectionLeasesRepository },
  ],
  exports: [ConnectionLeases, GatewayLeaseVerifier, TokenReplacementService, LeaseService],
})
export class LeasesModule implements OnModuleInit {
  constructor(private readonly audited: AuditedObjects) {}

  onModuleInit(): void {
    this.audited.register(AUDITED_LEASES);
  }
}
