import 'reflect-metadata';
import { setTimeout as sleep } from 'node:timers/promises';
import helmet from '@fastify/helmet';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Registry } from 'prom-client';
import { DataSource, EntityManager } from 'typeorm';
import { KeyHasher } from './access/key-hasher.ts';
import { AppModule, ENTITIES } from './app.module.ts';
import { AuditLog } from './audit/audit-log.ts';
import { ChainMac } from './audit/chain-mac.ts';
import { Config } from './config/config.ts';
import { dataSourceOptions } from './database/data-source-options.ts';
import { Database } from './database/database.ts';
import { DatabaseClock } from './database/database-clock.ts';
import { migrate } from './database/migrate.ts';
import { Outbox } from './events/outbox.ts';
import { ApiDocument } from './operations/api-document.ts';
import { ReplicaState } from './operations/replica-state.ts';
import { recordRequests } from './operations/request-record.ts';
import { Clock, SystemClock } from './platform/clock.ts';
import { createHttpServer, type HttpServer } from './platform/fastify.ts';
import { HttpClient, UndiciHttpClient } from './platform/http.ts';
import { Ids } from './platform/ids.ts';
import { createLogger, LOGGER, NestLogger, type Pino } from './platform/logger.ts';
import { ProblemFilter } from './platform/problem.filter.ts';
import { Random, SystemRandom } from './platform/random.ts';
import { InputPipe } from './platform/validation.pipe.ts';
import { openRootKeys } from './root-keys.ts';
import { KeyRing } from './vault/key-ring.ts';
import { Vault } from './vault/vault.ts';

export interface ReplicaOptions {
  config: Config;
  /** Where the database is: the configured one, or the embedded one that was started for it. */
  databaseUrl: string;
  /** What tests put in place of the real things. */
  overrides?: {
    /** In place of the database's time. */
    clock?: Clock;
    /** This machine's time, which readiness compares with the database's. */
    localClock?: Clock;
    random?: Random;
    http?: HttpClient;
    logger?: Pino;
  };
}

/** One running service: HTTP and scheduler on one database. */
export interface Replica {
  app: NestFastifyApplication;
  /** Takes requests at the configured host and port; its address. */
  listen(): Promise<string>;
  /** Readiness says no, what is under way ends (15 seconds at most), schedules stop, pools close. */
  close(): Promise<void>;
}

const DRAIN_MS = 15_000;

/** Builds a replica up to the point where it could listen. Throws what stopped it, with everything it had opened closed again. */
export async function createReplica({ config, databaseUrl, overrides = {} }: ReplicaOptions): Promise<Replica> {
  const logger = overrides.logger ?? createLogger(config.logLevel);
  const random = overrides.random ?? new SystemRandom();
  const http = overrides.http ?? new UndiciHttpClient();
  const state = new ReplicaState();
  const dataSource = new DataSource({ ...dataSourceOptions(databaseUrl), entities: [...ENTITIES] });
  const closeStores = async (): Promise<void> => {
    if (overrides.http === undefined) await http.close();
    if (dataSource.isInitialized) await dataSource.destroy();
  };
  try {
    await dataSource.initialize();
    await migrate(dataSource);
    const database = Database.of(dataSource);
    const databaseClock = await DatabaseClock.start(database, overrides.localClock ?? new SystemClock());
    const clock = overrides.clock ?? databaseClock;
    const ids = new Ids(clock, random);
    const source = { clock, ids, random };
    const { rootKey, previousRootKey } = openRootKeys(config.keys, random);
    const ring = await KeyRing.open(database, rootKey, previousRootKey, source);
    const registry = new Registry();
    const server = createHttpServer(logger, ids);
    const apiDocument = new ApiDocument();
    const app = await createApplication(
      server,
      logger,
      AppModule.register([
        { provide: Config, useValue: config },
        { provide: Clock, useValue: clock },
        { provide: DatabaseClock, useValue: databaseClock },
        { provide: Random, useValue: random },
        { provide: Ids, useValue: ids },
        { provide: HttpClient, useValue: http },
        { provide: LOGGER, useValue: logger },
        { provide: Registry, useValue: registry },
        { provide: DataSource, useValue: dataSource },
        { provide: EntityManager, useValue: dataSource.manager },
        { provide: Database, useValue: database },
        { provide: KeyRing, useValue: ring },
        { provide: KeyHasher, useExisting: KeyRing },
        { provide: ChainMac, useExisting: KeyRing },
        { provide: Vault, useValue: new Vault(ring, source) },
        { provide: AuditLog, useValue: new AuditLog(clock, ids) },
        { provide: Outbox, useValue: new Outbox(clock, ids) },
        { provide: ReplicaState, useValue: state },
        { provide: ApiDocument, useValue: apiDocument },
      ]),
    );
    recordRequests(app.getHttpAdapter().getInstance(), logger, registry);
    apiDocument.describe(app);
    await app.init();
    await app.getHttpAdapter().getInstance().ready();
    return {
      app,
      listen: async () => {
        await app.listen(config.port, config.host);
        return app.getUrl();
      },
      close: async () => {
        state.isDraining = true;
        server.beginDraining();
        await closeApplication(app, logger);
        await closeStores();
      },
    };
  } catch (error) {
    await closeStores().catch((cause: unknown) => logger.warn({ err: cause }, 'closing after a failed start failed'));
    throw error;
  }
}

/** Our own small pages and /docs work under this; pages with more needs (the JS SDK's) send their own policy. */
const CONTENT_SECURITY_POLICY = {
  defaultSrc: ["'none'"],
  baseUri: ["'none'"],
  connectSrc: ["'self'"],
  fontSrc: ["'self'", 'data:'],
  formAction: ["'self'"],
  frameAncestors: ["'none'"],
  imgSrc: ["'self'", 'data:'],
  scriptSrc: ["'self'"],
  styleSrc: ["'self'", "'unsafe-inline'"],
};

async function createApplication(
  server: HttpServer,
  logger: Pino,
  module: ReturnType<typeof AppModule.register>,
): Promise<NestFastifyApplication> {
  const app = await NestFactory.create<NestFastifyApplication>(module, server.adapter, {
    logger: new NestLogger(logger.child({}, { level: quieter(logger.level) })),
    bodyParser: false,
    abortOnError: false,
  });
  app.useGlobalFilters(new ProblemFilter(logger, (path) => server.routes.methodsOf(path)));
  app.useGlobalPipes(new InputPipe());
  await app.register(helmet, {
    contentSecurityPolicy: { useDefaults: false, directives: CONTENT_SECURITY_POLICY },
    // Meta's dialog opens as a pop-up of our pages and talks to its opener.
    crossOriginOpenerPolicy: { policy: 'same-origin-allow-popups' },
    referrerPolicy: { policy: 'no-referrer' },
  });
  return app;
}

/** Nest's own messages at the start (each module, each route) are for debugging only. */
function quieter(level: string): string {
  return level === 'info' ? 'warn' : level;
}

async function closeApplication(app: NestFastifyApplication, logger: Pino): Promise<void> {
  const closed = app.close().then(() => true);
  const deadline = new AbortController();
  const late = sleep(DRAIN_MS, false, { signal: deadline.signal }).catch(() => true);
  const inTime = await Promise.race([closed, late]);
  deadline.abort();
  if (inTime) return;
  logger.warn('requests were still under way after 15 seconds and are cut off');
  app.getHttpServer().closeAllConnections();
  await closed;
}
