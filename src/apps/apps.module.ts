import { Global, Module } from '@nestjs/common';
import { EventsModule } from '../events/events.module.ts';
import { MetaModule } from '../meta/meta.module.ts';
import { MetaApps } from '../meta/meta-apps.ts';
import { AppRepository } from './app.repository.ts';
import { AppCheckService } from './app-check.service.ts';
import { AppDescriptionService } from './app-description.service.ts';
import { AppFailures } from './app-failures.service.ts';
import { AppRegistry } from './app-registry.ts';
import { AppSecretStore } from './app-secret-store.ts';
import { AppSelector } from './app-selector.ts';
import { AppsController } from './apps.controller.ts';
import { AppsService } from './apps.service.ts';
import { PreviousSecretJob } from './previous-secret.job.ts';

/** The Meta apps of this installation. Global, because every call to Meta belongs to one. */
@Global()
@Module({
  imports: [EventsModule, MetaModule],
  controllers: [AppsController],
  providers: [
    AppRepository,
    AppSecretStore,
    AppRegistry,
    AppSelector,
    AppCheckService,
    AppDescriptionService,
    AppFailures,
    AppsService,
    PreviousSecretJob,
    { provide: MetaApps, useExisting: AppRegistry },
  ],
  exports: [MetaApps, AppSelector, AppFailures, AppRepository, AppsService, AppDescriptionService],
})
export class AppsModule {}
