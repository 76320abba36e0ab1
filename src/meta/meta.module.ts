import { Module } from '@nestjs/common';
import { AppApi } from './app-api.ts';
import { AdAccountApi } from './assets/ad-account-api.ts';
import { BusinessApi } from './assets/business-api.ts';
import { DiscoveryApi } from './assets/discovery-api.ts';
import { PageApi } from './assets/page-api.ts';
import { PhoneSynchronizationApi } from './assets/phone-synchronization-api.ts';
import { WhatsappApi } from './assets/whatsapp-api.ts';
import { GraphTransport } from './graph/graph-transport.ts';
import { MetaMetrics } from './graph/meta-metrics.ts';
import { Pause, TimerPause } from './graph/pause.ts';
import { MetaApps } from './meta-apps.ts';
import { BatchInspection } from './tokens/batch-inspection.ts';
import { InspectionApi } from './tokens/inspection-api.ts';
import { OAuthApi } from './tokens/oauth-api.ts';
import { RevocationApi } from './tokens/revocation-api.ts';
import { SystemUserApi } from './tokens/system-user-api.ts';

const APIS = [
  OAuthApi,
  InspectionApi,
  DiscoveryApi,
  PageApi,
  AdAccountApi,
  WhatsappApi,
  PhoneSynchronizationApi,
  RevocationApi,
  SystemUserApi,
  AppApi,
];

/**
 * The client of Meta's API. Needs from global modules: HttpClient, Config, Clock, Random, LOGGER, prom-client's
 * Registry, and optionally a UsageObserver to rate-limit background work.
 */
@Module({
  providers: [
    ...APIS,
    BusinessApi,
    MetaApps,
    GraphTransport,
    BatchInspection,
    MetaMetrics,
    { provide: Pause, useClass: TimerPause },
  ],
  exports: [...APIS, MetaApps, MetaMetrics],
})
export class MetaModule {}
