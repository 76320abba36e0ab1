import { Module } from '@nestjs/common';
import { BootstrapAdmin } from './bootstrap-admin.ts';
import { ClientKeyMetrics } from './client-key-metrics.ts';
import { ClientUpdater } from './client-updater.ts';
import { ClientsController } from './clients.controller.ts';
import { ClientsService } from './clients.service.ts';

/** The clients of the service and their keys. */
@Module({
  controllers: [ClientsController],
  providers: [BootstrapAdmin, ClientKeyMetrics, ClientsService, ClientUpdater],
})
export class ClientsModule {}
