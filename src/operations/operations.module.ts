import { Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { TerminusModule } from '@nestjs/terminus';
import { AuthModule } from '../auth/auth.module.ts';
import { MetaModule } from '../meta/meta.module.ts';
import { ApiDocument } from './documentation/api-document.ts';
import { DocumentationController } from './documentation/documentation.controller.ts';
import { DiagnosisService } from './health/diagnosis.service.ts';
import { HealthController } from './health/health.controller.ts';
import { Readiness } from './health/readiness.ts';
import { ReplicaState } from './health/replica-state.ts';
import { ClockMonitor } from './metrics/clock-monitor.ts';
import { GraphVersionMonitor } from './metrics/graph-version-monitor.ts';
import { MetricsController } from './metrics/metrics.controller.ts';
import { ProblemsController } from './problems/problems.controller.ts';
import { ReplicaSyncJob } from './replica-sync.job.ts';
import { StartPageController } from './start-page/start-page.controller.ts';

/** Start page, health, metrics, problem pages, API document, and the job that keeps replicas in sync. */
@Module({
  imports: [AuthModule, MetaModule, TerminusModule.forRoot({ logger: false }), DiscoveryModule],
  controllers: [HealthController, MetricsController, ProblemsController, DocumentationController, StartPageController],
  providers: [
    ApiDocument,
    ClockMonitor,
    DiagnosisService,
    GraphVersionMonitor,
    Readiness,
    ReplicaState,
    ReplicaSyncJob,
  ],
})
export class OperationsModule {}
