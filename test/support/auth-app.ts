import type { Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { SchedulerRegistry } from '@nestjs/schedule';
import { Registry } from 'prom-client';
import { AuditModule } from '../../src/audit/audit.module.ts';
import { AuditLog } from '../../src/audit/audit-log.ts';
import { ChainMac } from '../../src/audit/chain/chain-mac.ts';
import { AuthModule } from '../../src/auth/auth.module.ts';
import { KeyHasher } from '../../src/auth/credentials/key-hasher.ts';
import { PolicyViolationFilter } from '../../src/auth/policy/policy-violation.filter.ts';
import { ClientsModule } from '../../src/clients/clients.module.ts';
import { Config, type OidcConfig } from '../../src/config/config.ts';
import { Database } from '../../src/database/database.ts';
import { Clock } from '../../src/platform/clock.ts';
import { HttpClient, UndiciHttpClient } from '../../src/platform/http-client/http-client.ts';
import { createHttpServer } from '../../src/platform/http-server/http-server.ts';
import { InputValidationPipe } from '../../src/platform/http-server/input-validation.pipe.ts';
import { ProblemFilter } from '../../src/platform/http-server/problem.filter.ts';
import { Ids } from '../../src/platform/ids.ts';
import { RUNS_JOBS } from '../../src/platform/jobs/job-scheduler.ts';
import { JobsModule } from '../../src/platform/jobs/jobs.module.ts';
import { LOGGER } from '../../src/platform/logger.ts';
import { Random } from '../../src/platform/random.ts';
import { SecretString } from '../../src/platform/secret-string.ts';
import { KeyRing } from '../../src/vault/keys/key-ring.ts';
import { VaultModule } from '../../src/vault/vault.module.ts';
import { captureLog } from './test-replica.ts';
import { openTestVault } from './test-vault.ts';

export const BOOTSTRAP_KEY = 'the-operators-own-bootstrap-key-0123';

export interface AuthApp {
  app: NestFastifyApplication;
  registry: Registry;
  log: ReturnType<typeof captureLog>;
}

/** Access and audit alone, with the controllers of a test beside them, on a database that is open already. */
export async function startAuthApp(
  database: Database,
  clock: Clock,
  options: {
    controllers?: Type[];
    bootstrapKey?: string | null;
    oidc?: OidcConfig;
    http?: HttpClient;
    trustedProxies?: string[];
  } = {},
): Promise<AuthApp> {
  const { ring, ids, random } = await openTestVault(database, clock);
  const registry = new Registry();
  const log = captureLog();
  const key = options.bootstrapKey === undefined ? BOOTSTRAP_KEY : options.bootstrapKey;
  const values = [
    {
      provide: Config,
      useValue: {
        bootstrapAdminKey: key === null ? null : new SecretString(key),
        oidc: options.oidc ?? { issuers: [], audiences: [] },
      },
    },
    { provide: HttpClient, useValue: options.http ?? new UndiciHttpClient() },
    { provide: Clock, useValue: clock },
    { provide: Database, useValue: database },
    { provide: Random, useValue: random },
    { provide: Ids, useValue: ids },
    { provide: KeyRing, useValue: ring },
    { provide: KeyHasher, useValue: ring },
    { provide: ChainMac, useValue: ring },
    { provide: AuditLog, useValue: new AuditLog(clock, ids, ring) },
    { provide: LOGGER, useValue: log.logger },
    { provide: Registry, useValue: registry },
    { provide: SchedulerRegistry, useValue: new SchedulerRegistry() },
    { provide: RUNS_JOBS, useValue: false },
  ];
  const server = createHttpServer(log.logger, ids, options.trustedProxies);
  class TestModule {}
  const app = await NestFactory.create<NestFastifyApplication>(
    {
      module: TestModule,
      global: true,
      imports: [AuthModule, AuditModule, ClientsModule, JobsModule, VaultModule],
      controllers: options.controllers ?? [],
      providers: values,
      exports: values,
    },
    server.adapter,
    { logger: false, bodyParser: false, abortOnError: false },
  );
  app.useGlobalFilters(
    new ProblemFilter(log.logger, (path) => server.routes.methodsOf(path)),
    app.get(PolicyViolationFilter),
  );
  app.useGlobalPipes(new InputValidationPipe());
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
  return { app, registry, log };
}
