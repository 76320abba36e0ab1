import { Global, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { Config } from '../../../src/config/config.ts';
import { AppApi } from '../../../src/meta/app-api.ts';
import { DiscoveryApi } from '../../../src/meta/assets/discovery-api.ts';
import { MetaModule } from '../../../src/meta/meta.module.ts';
import { InspectionApi } from '../../../src/meta/tokens/inspection-api.ts';
import { OAuthApi } from '../../../src/meta/tokens/oauth-api.ts';
import { RevocationApi } from '../../../src/meta/tokens/revocation-api.ts';
import { SystemUserApi } from '../../../src/meta/tokens/system-user-api.ts';
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
    { provide: LOGGER, useValue: pino({ level: 'silent' }) },
    { provide: Registry, useValue: new Registry() },
  ],
  exports: [HttpClient, Clock, Random, Config, LOGGER, Registry],
})
class Ground {}

it('needs only the global providers, without a usage observer', async () => {
  const module = await Test.createTestingModule({ imports: [Ground, MetaModule] }).compile();
  for (const api of [OAuthApi, InspectionApi, DiscoveryApi, RevocationApi, SystemUserApi, AppApi]) {
    expect(module.get(api, { strict: false })).toBeInstanceOf(api);
  }
  await module.get(HttpClient).close();
  await module.close();
});
