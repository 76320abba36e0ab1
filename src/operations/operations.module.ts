import { Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { TerminusModule } from '@nestjs/terminus';
import { AuthModule } from '../auth/auth.module.ts';
import { DocumentationController } from './documentation/documentation.controller.ts';
import { DiagnosisService } from './health/diagnosis.service.ts';
import { HealthController } from './health/health.controller.ts';
import { Readiness } from './health/readiness.ts';
import { MetricsController } from './metrics/metrics.controller.ts';
import { ProblemsController } from './problems/problems.controller.ts';
import { ReplicaSyncJob } from './replica-sync.job.ts';

/** What those who run the service look at, and what keeps a replica's memory fresh. */
@Module({
  imports: [AuthModule, TerminusModule.forRoot({ logger: false }), DiscoveryModule],
  controllers: [HealthController, MetricsController, ProblemsController, DocumentationController],
  providers: [DiagnosisService, Readiness, ReplicaSyncJob],
})
export class OperationsModule {}
