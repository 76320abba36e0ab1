import { Module } from '@nestjs/common';
import { ConnectionsModule } from '../connections/connections.module.ts';
import { MetaModule } from '../meta/meta.module.ts';
import { ActivityRecorder } from './activity/activity-recorder.ts';
import { BulkRevocationService } from './bulk-revocation.service.ts';
import { ConnectionActionsController } from './connection-actions.controller.ts';
import { FailureRecorder } from './failures/failure-recorder.ts';
import { AssetInspectionService } from './inspection/asset-inspection.service.ts';
import { AssetReach } from './inspection/asset-reach.ts';
import { ImmediateInspectionService } from './inspection/immediate-inspection.service.ts';
import { RefusalInspector } from './inspection/refusal-inspector.ts';
import { SuspectedTokenService } from './inspection/suspected-token.service.ts';
import { TokenInspector } from './inspection/token-inspector.ts';
import { LifecycleMetrics } from './lifecycle-metrics.ts';
import { ProviderRevocationService } from './provider-revocation.service.ts';
import { RateLimitModule } from './rate-limit/rate-limit.module.ts';
import { ManualRefreshService } from './refresh/manual-refresh.service.ts';
import { OnDemandRefreshService } from './refresh/on-demand-refresh.service.ts';
import { PageTokenDeriver } from './refresh/page-token-deriver.ts';
import { RefreshedTokenPromoter } from './refresh/refreshed-token-promoter.ts';
import { TokenRefresher } from './refresh/token-refresher.ts';
import { ManualRotationService } from './rotation/manual-rotation.service.ts';
import { TokenRevoker } from './rotation/token-revoker.ts';
import { TokenRotator } from './rotation/token-rotator.ts';
import { CredentialWorker } from './sweeps/credential-worker.ts';
import { LifecycleJob } from './sweeps/lifecycle.job.ts';
import { MaintenanceController } from './sweeps/maintenance.controller.ts';
import { RefreshClaims } from './sweeps/refresh-claims.ts';
import { Sweep } from './sweeps/sweep.ts';
import { UnconfiguredAppJob } from './sweeps/unconfigured-app.job.ts';
import { VersionsModule } from './versions/versions.module.ts';

/** Needs `ScheduleModule.forRoot()` in the application and the guard of `auth`. */
@Module({
  imports: [ConnectionsModule, MetaModule, RateLimitModule, VersionsModule],
  controllers: [ConnectionActionsController, MaintenanceController],
  providers: [
    ActivityRecorder,
    AssetInspectionService,
    AssetReach,
    BulkRevocationService,
    ImmediateInspectionService,
    TokenInspector,
    PageTokenDeriver,
    RefusalInspector,
    RefreshedTokenPromoter,
    OnDemandRefreshService,
    LifecycleMetrics,
    TokenRefresher,
    TokenRotator,
    TokenRevoker,
    ManualRotationService,
    ProviderRevocationService,
    LifecycleJob,
    FailureRecorder,
    RefreshClaims,
    SuspectedTokenService,
    Sweep,
    ManualRefreshService,
    CredentialWorker,
    UnconfiguredAppJob,
  ],
  exports: [
    ImmediateInspectionService,
    OnDemandRefreshService,
    ProviderRevocationService,
    SuspectedTokenService,
    Sweep,
    ManualRefreshService,
    ManualRotationService,
    TokenRevoker,
  ],
})
export class LifecycleModule {}
