import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { AuditController } from '../audit/audit.controller.ts';
import { AuditModule } from '../audit/audit.module.ts';
import { RefusalAuditor } from '../audit/refusal-auditor.ts';
import { BootstrapAdmin } from '../clients/bootstrap-admin.ts';
import { ClientKeyMetrics } from '../clients/client-key-metrics.ts';
import { ClientUpdater } from '../clients/client-updater.ts';
import { ClientsController } from '../clients/clients.controller.ts';
import { ClientsService } from '../clients/clients.service.ts';
import { KekRepository } from '../vault/keys/kek.repository.ts';
import { KeyAdministrationService } from '../vault/keys/key-administration.service.ts';
import { KeyRewrap } from '../vault/keys/key-rewrap.ts';
import { KeysController } from '../vault/keys/keys.controller.ts';
import { RewrapJob } from '../vault/keys/rewrap.job.ts';
import { RewrapWorker } from '../vault/keys/rewrap-worker.ts';
import { AuthGuard } from './auth.guard.ts';
import { RefusalCounter } from './auth-problems.ts';
import { AuthenticationService } from './authentication.service.ts';
import { ClientResolver } from './client-resolver.ts';
import { JwtVerifier } from './credentials/jwt-verifier.ts';
import { LastUseRecorder } from './last-use-recorder.ts';
import { ClientRateLimiter } from './limits/client-rate-limiter.ts';
import { FailedAttemptLimiter } from './limits/failed-attempt-limiter.ts';
import { PolicyViolationFilter } from './policy/policy-violation.filter.ts';

/** Who may call what: the guard of every route, the clients and their keys, and the doors to the audit record and the keys. */
@Module({
  imports: [AuditModule],
  controllers: [ClientsController, AuditController, KeysController],
  providers: [
    { provide: APP_GUARD, useClass: AuthGuard },
    AuthenticationService,
    BootstrapAdmin,
    ClientResolver,
    ClientUpdater,
    ClientKeyMetrics,
    ClientRateLimiter,
    ClientsService,
    FailedAttemptLimiter,
    KekRepository,
    KeyAdministrationService,
    KeyRewrap,
    LastUseRecorder,
    JwtVerifier,
    PolicyViolationFilter,
    RefusalCounter,
    RefusalAuditor,
    RewrapJob,
    RewrapWorker,
  ],
  exports: [AuthenticationService, PolicyViolationFilter, RefusalAuditor],
})
export class AuthModule {}
