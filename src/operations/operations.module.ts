import { Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { TerminusModule } from '@nestjs/terminus';
import { AccessModule } from '../access/access.module.ts';
import { Diagnoses } from './diagnosis.ts';
import { DocumentationController } from './documentation.controller.ts';
import { HealthController } from './health.controller.ts';
import { MetricsController } from './metrics.controller.ts';
import { ProblemsController } from './problems.controller.ts';
import { Readiness } from './readiness.ts';
import { Upkeep } from './upkeep.ts';

/** What those who run the service look at, and what keeps a replica's memory fresh. */
@Module({
  imports: [AccessModule, TerminusModule.forRoot({ logger: false }), DiscoveryModule],
  controllers: [HealthController, MetricsController, ProblemsController, DocumentationController],
  providers: [Diagnoses, Readiness, Upkeep],
})
export class OperationsModule {}
