import { Module } from '@nestjs/common';
import { GraphTransport } from './graph/graph-transport.ts';
import { MetaMetrics } from './graph/meta-metrics.ts';
import { Pause, TimerPause } from './graph/pause.ts';
import { MetaClients } from './meta-clients.ts';

/**
 * The client of Meta's API. Needs from global modules: MetaApps, HttpClient, Config, Clock, Random, LOGGER,
 * prom-client's Registry, and optionally a UsageObserver to rate-limit background work.
 */
@Module({
  providers: [GraphTransport, MetaClients, MetaMetrics, { provide: Pause, useClass: TimerPause }],
  exports: [MetaClients, MetaMetrics],
})
export class MetaModule {}
