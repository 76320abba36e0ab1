import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { AuditController } from '../audit/audit.controller.ts';
import { AuditModule } from '../audit/audit.module.ts';
import { RefusalRecord } from '../audit/refusal-auditor.ts';
import { BootstrapAdmin } from '../clients/bootstrap-admin.ts';
import { ClientKeyMetrics } from '../clients/client-key-metrics.ts';
import { ClientChanges } from '../clients/client-updater.ts';
import { ClientsController } from '../clients/clients.controller.ts';
import { ClientStore } from '../clients/clients.service.ts';
import { KekRegister } from '../vault/keys/kek.repository.ts';
import { KeyCustody } from '../vault/keys/key-administration.service.ts';
import { KeyRewrap } from '../vault/keys/key-rewrap.ts';
import { KeysController } from '../vault/keys/keys.controller.ts';
import { RewrapSchedule } from '../vault/keys/rewrap.job.ts';
import { RewrapWorker } from '../vault/keys/rewrap-worker.ts';
import { AccessGuard } from './auth.guard.ts';
import { RefusalCounter } from './auth-problems.ts';
import { Authentication } from './authentication.service.ts';
import { Callers } from './client-resolver.ts';
import { MachineIdentities } from './credentials/jwt-verifier.ts';
import { LastUse } from './last-use-recorder.ts';
import { ClientRateLimit } from './limits/client-rate-limiter.ts';
import { FailedAttempts } from './limits/failed-attempt-limiter.ts';
import { PolicyRefusalFilter } from './policy/policy-violation.filter.ts';

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
