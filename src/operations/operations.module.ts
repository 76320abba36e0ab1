import { Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { TerminusModule } from '@nestjs/terminus';
import { AppsModule } from '../apps/apps.module.ts';
import { AuthModule } from '../auth/auth.module.ts';
import { ClientsModule } from '../clients/clients.module.ts';
import { ConnectionsModule } from '../connections/connections.module.ts';
import { EventsModule } from '../events/events.module.ts';
import { RateLimitModule } from '../lifecycle/rate-limit/rate-limit.module.ts';
import { MetaModule } from '../meta/meta.module.ts';
import { DoctorController } from './doctor/doctor.controller.ts';
import { ApiDocument } from './documentation/api-document.ts';
import { DocumentationController } from './documentation/documentation.controller.ts';
import { DiagnosisService } from './health/diagnosis.service.ts';
import { HealthController } from './health/health.controller.ts';
import { Readiness } from './health/readiness.ts';
import { ReplicaState } from './health/replica-state.ts';
import { ClockMonitor } from './metrics/clock-monitor.ts';
import { GraphVersionMonitor } from './metrics/graph-version-monitor.ts';
import { MetricsController } from './metrics/metrics.controller.ts';
import { OverviewController } from './overview/overview.controller.ts';
import { OverviewService } from './overview/overview.service.ts';
import { PolicyTestController } from './policy-test/policy-test.controller.ts';
import { ProblemsController } from './problems/problems.controller.ts';
import { ReplicaSyncJob } from './replica-sync.job.ts';
import { SettingsController } from './settings/settings.controller.ts';
import { SettingsService } from './settings/settings.service.ts';
import { StartPageController } from './start-page/start-page.controller.ts';

/** Start page, health, metrics, problem pages, API document, and the job that keeps replicas in sync. */
@Module({
  imports: [
    AuthModule,
    AppsModule,
    ClientsModule,
    ConnectionsModule,
    EventsModule,
    RateLimitModule,
    MetaModule,
    TerminusModule.forRoot({ logger: false }),
    DiscoveryModule,
  ],
  controllers: [
    HealthController,
    MetricsController,
    ProblemsController,
    DocumentationController,
    StartPageController,
    OverviewController,
    PolicyTestController,
    DoctorController,
    SettingsController,
  ],
  providers: [
    ApiDocument,
    ClockMonitor,
    DiagnosisService,
    GraphVersionMonitor,
    OverviewService,
    SettingsService,
    Readiness,
    ReplicaState,
    ReplicaSyncJob,
  ],
})
export class OperationsModule {}
