import { Global, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { Config } from '../../../src/config/config.ts';
import { MetaModule } from '../../../src/meta/meta.module.ts';
import { MetaApps } from '../../../src/meta/meta-apps.ts';
import { MetaClients } from '../../../src/meta/meta-clients.ts';
import { Clock, SystemClock } from '../../../src/platform/clock.ts';
import { HttpClient, UndiciHttpClient } from '../../../src/platform/http-client/http-client.ts';
import { LOGGER } from '../../../src/platform/logger.ts';
import { Random, SystemRandom } from '../../../src/platform/random.ts';
import { META } from './scripted-meta.ts';

@Global()
@Module({
  providers: [
    { provide: HttpClient, useClass: UndiciHttpClient },
    { provide: Clock, useClass: SystemClock },
    { provide: Random, useClass: SystemRandom },
    { provide: Config, useValue: { meta: META } },
    MetaApps,
    { provide: LOGGER, useValue: pino({ level: 'silent' }) },
    { provide: Registry, useValue: new Registry() },
  ],
  exports: [HttpClient, MetaApps, Clock, Random, Config, LOGGER, Registry],
})
class Ground {}

it('needs only the global providers, without a usage observer', async () => {
  const module = await Test.createTestingModule({ imports: [Ground, MetaModule] }).compile();
  const { primary } = module.get(MetaApps, { strict: false });
  const clients = module.get(MetaClients);
  expect(clients.as(primary)).toBe(clients.as(primary));
  await module.get(HttpClient).close();
  await module.close();
});
