import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { AuditModule } from '../audit/audit.module.ts';
import { KekRegister } from '../vault/kek-register.ts';
import { KeyRewrap } from '../vault/key-rewrap.ts';
import { AccessGuard } from './access.guard.ts';
import { AuditController } from './audit.controller.ts';
import { Authentication } from './authentication.ts';
import { BootstrapAdmin } from './bootstrap-admin.ts';
import { Callers } from './callers.ts';
import { ClientChanges } from './client-changes.ts';
import { ClientKeyMetrics } from './client-key-metrics.ts';
import { ClientRateLimit } from './client-rate-limit.ts';
import { ClientStore } from './client-store.ts';
import { ClientsController } from './clients.controller.ts';
import { FailedAttempts } from './failed-attempts.ts';
import { KeyCustody } from './key-custody.ts';
import { KeysController } from './keys.controller.ts';
import { LastUse } from './last-use.ts';
import { MachineIdentities } from './machine-identities.ts';
import { PolicyRefusalFilter } from './policy-refusal.filter.ts';
import { RefusalCounter } from './refusal.ts';
import { RefusalRecord } from './refusal-record.ts';
import { RewrapSchedule } from './rewrap-schedule.ts';
import { RewrapWorker } from './rewrap-worker.ts';

/** Who may call what: the guard of every route, the clients and their keys, and the doors to the audit record and the keys. */
@Module({
  imports: [AuditModule],
  controllers: [ClientsController, AuditController, KeysController],
  providers: [
    { provide: APP_GUARD, useClass: AccessGuard },
    Authentication,
    BootstrapAdmin,
    Callers,
    ClientChanges,
    ClientKeyMetrics,
    ClientRateLimit,
    ClientStore,
    FailedAttempts,
    KekRegister,
    KeyCustody,
    KeyRewrap,
    LastUse,
    MachineIdentities,
    PolicyRefusalFilter,
    RefusalCounter,
    RefusalRecord,
    RewrapSchedule,
    RewrapWorker,
  ],
  exports: [Authentication, PolicyRefusalFilter, RefusalRecord],
})
export class AccessModule {}
