import { Module } from '@nestjs/common';
import { AppApi } from './app-api.ts';
import { BatchInspection } from './batch-inspection.ts';
import { DiscoveryApi } from './discovery-api.ts';
import { GraphTransport } from './graph-transport.ts';
import { InspectionApi } from './inspection-api.ts';
import { MetaMetrics } from './meta-metrics.ts';
import { OAuthApi } from './oauth-api.ts';
import { Pause, TimerPause } from './pause.ts';
import { RevocationApi } from './revocation-api.ts';

const APIS = [OAuthApi, InspectionApi, DiscoveryApi, RevocationApi, AppApi];

/**
 * Meta's wire. Needs, from global modules: HttpClient, Config, Clock, Random, LOGGER and prom-client's Registry; and, where background work
 * wants to pace itself, a UsageObserver.
 */
@Module({
  providers: [...APIS, GraphTransport, BatchInspection, MetaMetrics, { provide: Pause, useClass: TimerPause }],
  exports: APIS,
})
export class MetaModule {}
