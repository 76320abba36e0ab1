import { Module, type OnModuleInit } from '@nestjs/common';
import { AuditedObjects } from '../audit/audited-objects.ts';
import { AUDITED_CLIENTS } from './audited-clients.ts';
import { BootstrapAdmin } from './bootstrap-admin.ts';
import { ClientKeyMetrics } from './client-key-metrics.ts';
import { ClientUpdater } from './client-updater.ts';
import { ClientsController } from './clients.controller.ts';
import { ClientsService } from './clients.service.ts';

/** Clients and their keys. */
@Module({
  controllers: [ClientsController],
  providers: [BootstrapAdmin, ClientKeyMetrics, ClientsService, ClientUpdater],
  exports: [ClientsService],
})
export class ClientsModule implements OnModuleInit {
  constructor(private readonly audited: AuditedObjects) {}

  onModuleInit(): void {
    this.audited.register(AUDITED_CLIENTS);
  }
}
