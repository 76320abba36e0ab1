import { Module } from '@nestjs/common';
import { ConnectionsModule } from '../connections/connections.module.ts';
import { MetaModule } from '../meta/meta.module.ts';
import { CheckCredential } from './check-credential.ts';
import { ClaimKeeper } from './claim-keeper.ts';
import { ConnectionsController } from './connections.controller.ts';
import { DerivePageTokens } from './derive-page-tokens.ts';
import { EnsureValid } from './ensure-valid.ts';
import { LifecycleMetrics } from './lifecycle-metrics.ts';
import { MaintenanceController } from './maintenance.controller.ts';
import { PaceModule } from './pace.module.ts';
import { RenewCredential } from './renew-credential.ts';
import { RevokeAtMeta } from './revoke-at-meta.ts';
import { Schedule } from './schedule.ts';
import { SettleFailure } from './settle-failure.ts';
import { Suspicion } from './suspicion.ts';
import { Sweep } from './sweep.ts';
import { Upkeep } from './upkeep.ts';
import { WorkOnConnection } from './work-on-connection.ts';
import { WorkOnCredential } from './work-on-credential.ts';

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
