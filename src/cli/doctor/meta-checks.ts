import pino from 'pino';
import { Registry } from 'prom-client';
import type { Config } from '../../config/config.ts';
import { AppApi } from '../../meta/app-api.ts';
import { GraphTransport } from '../../meta/graph-transport.ts';
import { MetaMetrics } from '../../meta/meta-metrics.ts';
import { TimerPause } from '../../meta/pause.ts';
import type { HttpClient } from '../../platform/http.ts';
import type { Stores } from '../../stores.ts';
import { checkHandshake, checkMetaClock, checkRedirectUri } from './address-checks.ts';
import { checkApps } from './app-checks.ts';
import { checkConnections } from './connection-checks.ts';
import type { Finding } from './finding.ts';
import { checkSubscriptions } from './subscription-checks.ts';

/** Everything between us and Meta, in the order in which it is mended best. Asks Meta and our own PUBLIC_URL; changes nothing. */
export async function examineMeta(
  config: Config,
  http: HttpClient,
  { clock, random, database }: Pick<Stores, 'clock' | 'random' | 'database'>,
): Promise<Finding[]> {
  const log = pino({ level: 'silent' });
  const metrics = new MetaMetrics(new Registry());
  const api = new AppApi(new GraphTransport(http, config, clock, random, log, metrics, new TimerPause()));
  return [
    ...(await checkApps(config, api)),
    ...(await checkMetaClock(config, http, clock)),
    checkRedirectUri(config),
    await checkHandshake(config, http, random),
    ...(await checkSubscriptions(config, api)),
    ...(await checkConnections(database)),
  ];
}
