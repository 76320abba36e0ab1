import { Module } from '@nestjs/common';
import { ConnectionsModule } from '../connections/connections.module.ts';
import { MetaModule } from '../meta/meta.module.ts';
import { ConnectionsController } from './connection-actions.controller.ts';
import { SettleFailure } from './failures/failure-recorder.ts';
import { Suspicion } from './inspection/suspected-token.service.ts';
import { CheckCredential } from './inspection/token-inspector.ts';
import { LifecycleMetrics } from './lifecycle-metrics.ts';
import { RevokeAtMeta } from './provider-revocation.service.ts';
import { PaceModule } from './rate-limit/rate-limit.module.ts';
import { WorkOnConnection } from './refresh/manual-refresh.service.ts';
import { EnsureValid } from './refresh/on-demand-refresh.service.ts';
import { DerivePageTokens } from './refresh/page-token-deriver.ts';
import { RenewCredential } from './refresh/token-refresher.ts';
import { Upkeep } from './retention.service.ts';
import { ClaimKeeper } from './sweeps/claim-heartbeat.ts';
import { WorkOnCredential } from './sweeps/credential-worker.ts';
import { Schedule } from './sweeps/lifecycle.job.ts';
import { MaintenanceController } from './sweeps/maintenance.controller.ts';
import { Sweep } from './sweeps/sweep.ts';

/** Needs `ScheduleModule.forRoot()` in the composition, and the access room's guard. */
@Module({
  imports: [ConnectionsModule, MetaModule, PaceModule],
  controllers: [ConnectionsController, MaintenanceController],
  providers: [
    CheckCredential,
    ClaimKeeper,
    DerivePageTokens,
    EnsureValid,
    LifecycleMetrics,
    RenewCredential,
    RevokeAtMeta,
    Schedule,
    SettleFailure,
    Suspicion,
    Sweep,
    Upkeep,
    WorkOnConnection,
    WorkOnCredential,
  ],
  exports: [EnsureValid, RevokeAtMeta, Suspicion, Sweep, Upkeep, WorkOnConnection],
})
export class LifecycleModule {}
