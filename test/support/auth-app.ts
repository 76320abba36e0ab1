import type { Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Registry } from 'prom-client';
import { AuditModule } from '../../src/audit/audit.module.ts';
import { AuthModule } from '../../src/auth/auth.module.ts';
import { PolicyViolationFilter } from '../../src/auth/policy/policy-violation.filter.ts';
import { SessionAuthenticator } from '../../src/auth/session-authenticator.ts';
import { ClientsModule } from '../../src/clients/clients.module.ts';
import { ConfigModule } from '../../src/config/config.module.ts';
import type { Config, OidcConfig } from '../../src/config/config.ts';
import { Database } from '../../src/database/database.ts';
import { DatabaseClock } from '../../src/database/database-clock.ts';
import { IntegrityFailures } from '../../src/database/integrity-failures.ts';
import { PartitionService } from '../../src/database/partitions/partition.service.ts';
import { RetentionService } from '../../src/database/retention.service.ts';
import { RowMacs } from '../../src/database/row-macs.ts';
import { UnconfirmedEndings } from '../../src/database/standby/unconfirmed-endings.ts';
import { IdempotencyModule } from '../../src/idempotency/idempotency.module.ts';
import { type Clock, SystemClock } from '../../src/platform/clock.ts';
import { type HttpClient, UndiciHttpClient } from '../../src/platform/http-client/http-client.ts';
import { createHttpServer } from '../../src/platform/http-server/http-server.ts';
import { InputValidationPipe } from '../../src/platform/http-server/input-validation.pipe.ts';
import { ProblemFilter } from '../../src/platform/http-server/problem.filter.ts';
import { PlatformModule } from '../../src/platform/platform.module.ts';
import { SecretString } from '../../src/platform/secret-string.ts';
import { VaultModule } from '../../src/vault/vault.module.ts';
import { captureLog } from './test-replica.ts';
import { openTestVault } from './test-vault.ts';

export const BOOTSTRAP_KEY = 'the-operators-own-bootstrap-key-0123';

export interface AuthApp {
  app: NestFastifyApplication;
  registry: Registry;
  log: ReturnType<typeof captureLog>;
}

/** Only access and audit, with the controllers of a test, on an open database. */
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
  const log = captureLog();
  const key = options.bootstrapKey === undefined ? BOOTSTRAP_KEY : options.bootstrapKey;
  const config = {
    bootstrapAdminKey: key === null ? null : new SecretString(key),
    operations: { isPublic: true, host: '127.0.0.1', port: null, token: null },
    oidc: options.oidc ?? { issuers: [], audiences: [] },
  } as Partial<Config> as Config;
  const databaseClock = await DatabaseClock.start(database, new SystemClock());
  const values = [
    { provide: Database, useValue: database },
    { provide: DatabaseClock, useValue: databaseClock },
    IntegrityFailures,
    PartitionService,
    RetentionService,
    RowMacs,
    UnconfirmedEndings,
    { provide: SessionAuthenticator, useValue: { authenticate: async () => null } },
  ];
  const http = options.http ?? new UndiciHttpClient();
  const server = createHttpServer(log.logger, ids, options.trustedProxies);
  class TestModule {}
  const app = await NestFactory.create<NestFastifyApplication>(
    {
      module: TestModule,
      global: true,
      imports: [
        ConfigModule.register(config),
        PlatformModule.register({ clock, random, ids, http, logger: log.logger, runsJobs: false }),
        VaultModule.register(ring),
        AuthModule,
        AuditModule,
        ClientsModule,
        IdempotencyModule,
      ],
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
  return { app, registry: app.get(Registry), log };
}
