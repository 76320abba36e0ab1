import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { AuditModule } from '../audit/audit.module.ts';
import { AccessGuard } from './access.guard.ts';
import { AuditController } from './audit.controller.ts';
import { BootstrapAdmin } from './bootstrap-admin.ts';
import { Callers } from './callers.ts';
import { ClientRateLimit } from './client-rate-limit.ts';
import { ClientStore } from './client-store.ts';
import { ClientsController } from './clients.controller.ts';
import { FailedAttempts } from './failed-attempts.ts';
import { RefusalCounter } from './refusal.ts';

/** Who may call what: the guard of every route, the clients and their keys, and the door to the audit record. */
@Module({
  imports: [AuditModule],
  controllers: [ClientsController, AuditController],
  providers: [
    { provide: APP_GUARD, useClass: AccessGuard },
    BootstrapAdmin,
    Callers,
    ClientRateLimit,
    ClientStore,
    FailedAttempts,
    RefusalCounter,
  ],
  exports: [Callers, ClientRateLimit, ClientStore],
})
export class AccessModule {}
