import pino from 'pino';
import { Registry } from 'prom-client';
import type { Config } from '../../config/config.ts';
import type { Database } from '../../database/database.ts';
import { AppApi } from '../../meta/app-api.ts';
import { GraphTransport } from '../../meta/graph/graph-transport.ts';
import { MetaMetrics } from '../../meta/graph/meta-metrics.ts';
import { TimerPause } from '../../meta/graph/pause.ts';
import { MetaApps } from '../../meta/meta-apps.ts';
import type { Clock } from '../../platform/clock.ts';
import type { HttpClient } from '../../platform/http-client/http-client.ts';
import type { Random } from '../../platform/random.ts';
import { checkMetaClock, checkRedirectUri, checkWebhookHandshake } from './address-checks.ts';
import { checkApps } from './app-checks.ts';
import { checkConnections } from './connection-checks.ts';
import type { Finding } from './finding.ts';
import { checkMetaLimits } from './limit-checks.ts';
import { checkLogins } from './login-checks.ts';
import { checkConnectionApps, checkLoginConfiguration } from './login-configuration-checks.ts';
import { checkSignupVersion } from './signup-version-check.ts';
import { checkMarketingVersion, checkServedVersions } from './version-checks.ts';
import { checkWebhookSubscriptions } from './webhook-subscription-checks.ts';

interface CheckDependencies {
  config: Config;
  http: HttpClient;
  clock: Clock;
  random: Random;
  database: Database;
}

/** Runs all checks between us and Meta, most urgent faults first. Calls Meta and our PUBLIC_URL; changes nothing. */
export async function runMetaChecks({ config, http, clock, random, database }: CheckDependencies): Promise<Finding[]> {
  // Keep these calls out of the replica's metrics and log.
  const metrics = new MetaMetrics(new Registry());
  const log = pino({ level: 'silent' });
  const apps = new MetaApps(config);
  const api = new AppApi(new GraphTransport(http, apps, clock, random, log, metrics, new TimerPause()));
  return [
    ...(await checkApps(config, api, clock.now())),
    ...checkLoginConfiguration(config),
    checkSignupVersion(clock.now()),
    ...(await checkConnectionApps(database, apps)),
    ...(await checkMarketingVersion(config.meta.graphApiVersion, database, clock.now())),
    ...(await checkServedVersions(config.meta.graphApiVersion, database, clock.now())),
    ...(await checkMetaClock(config, http, clock)),
    ...(await checkMetaLimits({ database, clock })),
    checkRedirectUri(config),
    await checkWebhookHandshake(config, http, random),
    ...(await checkWebhookSubscriptions(config, api)),
    ...(await checkLogins(database, config.publicUrl, clock.now())),
    ...(await checkConnections(database)),
  ];
}
