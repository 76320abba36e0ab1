import pino from 'pino';
import { Registry } from 'prom-client';
import { AppRepository } from '../../apps/app.repository.ts';
import { AppRegistry } from '../../apps/app-registry.ts';
import { AppSecretStore } from '../../apps/app-secret-store.ts';
import type { Config } from '../../config/config.ts';
import type { Database } from '../../database/database.ts';
import { IntegrityFailures } from '../../database/integrity-failures.ts';
import { RowMacs } from '../../database/row-macs.ts';
import { GraphTransport } from '../../meta/graph/graph-transport.ts';
import { MetaMetrics } from '../../meta/graph/meta-metrics.ts';
import { TimerPause } from '../../meta/graph/pause.ts';
import { MetaClients } from '../../meta/meta-clients.ts';
import type { Clock } from '../../platform/clock.ts';
import type { HttpClient } from '../../platform/http-client/http-client.ts';
import { Ids } from '../../platform/ids.ts';
import type { Random } from '../../platform/random.ts';
import type { KeyRing } from '../../vault/keys/key-ring.ts';
import { Vault } from '../../vault/vault.ts';
import { checkMetaClock, checkRedirectUri, checkWebhookHandshake } from './address-checks.ts';
import { checkApps } from './app-checks.ts';
import { checkConnections } from './connection-checks.ts';
import type { Finding } from './finding.ts';
import { checkFurtherApps } from './further-app-checks.ts';
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
  keyRing: KeyRing;
}

/** Runs all checks between us and Meta, most urgent faults first. Calls Meta and our PUBLIC_URL; changes nothing. */
export async function runMetaChecks(dependencies: CheckDependencies): Promise<Finding[]> {
  const { config, http, clock, random, database, keyRing } = dependencies;
  // Keep these calls out of the replica's metrics and log.
  const metrics = new MetaMetrics(new Registry());
  const log = pino({ level: 'silent' });
  const repository = new AppRepository(new RowMacs(keyRing, new IntegrityFailures(log, new Registry())));
  const secrets = new AppSecretStore(new Vault(keyRing, { clock, random, ids: new Ids(clock, random) }));
  const apps = new AppRegistry(config, database, repository, secrets, clock);
  const transport = new GraphTransport(http, apps, clock, random, log, metrics, new TimerPause());
  const clients = new MetaClients(transport, apps, clock);
  const { app: api } = clients.as(apps.primary);
  const list = (limit: number) => repository.list(database, '', limit, null);
  return [
    ...(await checkApps(config, api, clock.now())),
    ...(await checkFurtherApps({ list, apps, clients, publicUrl: config.publicUrl })),
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
