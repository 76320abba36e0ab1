import 'reflect-metadata';
import helmet from '@fastify/helmet';
import type { Provider } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Registry } from 'prom-client';
import { DataSource, EntityManager } from 'typeorm';
import { AppModule } from '../app.module.ts';
import { AuditLog } from '../audit/audit-log.ts';
import { ChainMac } from '../audit/chain/chain-mac.ts';
import { KeyHasher } from '../auth/credentials/key-hasher.ts';
import { PolicyViolationFilter } from '../auth/policy/policy-violation.filter.ts';
import { Config } from '../config/config.ts';
import { Database } from '../database/database.ts';
import { DatabaseClock } from '../database/database-clock.ts';
import { Outbox } from '../events/outbox/outbox.ts';
import { GatewayHttpHandler } from '../gateway/gateway.http-handler.ts';
import { ApiDocument } from '../operations/documentation/api-document.ts';
import { ReplicaState } from '../operations/health/replica-state.ts';
import { RequestRecorder } from '../operations/metrics/request-recorder.ts';
import { Clock } from '../platform/clock.ts';
import { HttpClient, UndiciHttpClient } from '../platform/http-client/http-client.ts';
import { createHttpServer, type HttpServer } from '../platform/http-server/http-server.ts';
import { InputValidationPipe } from '../platform/http-server/input-validation.pipe.ts';
import { ProblemFilter } from '../platform/http-server/problem.filter.ts';
import { Ids } from '../platform/ids.ts';
import { RUNS_JOBS } from '../platform/jobs/job-scheduler.ts';
import { createLogger, LOGGER, NestLogger, type Pino } from '../platform/logger.ts';
import { Random } from '../platform/random.ts';
import { settleWithin } from '../platform/settle-within.ts';
import { KeyRing } from '../vault/keys/key-ring.ts';
import { Vault } from '../vault/vault.ts';
import { type CoreServices, openCoreServices } from './core-services.ts';
import { toListenStartupError } from './startup-error.ts';

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
const CUT_OFF_MS = 5_000;

/** Builds a replica up to the point where it could listen. Throws what stopped it, with everything it had opened closed again. */
export async function createReplica({ config, databaseUrl, overrides = {} }: ReplicaOptions): Promise<Replica> {
  const logger = overrides.logger ?? createLogger(config.logLevel);
  const http = overrides.http ?? new UndiciHttpClient();
  const coreServices = await openCoreServices({ config, databaseUrl, overrides });
  const closeCoreServices = async (): Promise<void> => {
    if (overrides.http === undefined) await http.close();
    await coreServices.close();
  };
  try {
    const state = new ReplicaState();
    const server = createHttpServer(logger, coreServices.ids, config.trustedProxies);
    const app = await createApplication(server, logger, [
      ...providersOf(coreServices),
      { provide: Config, useValue: config },
      { provide: HttpClient, useValue: http },
      { provide: LOGGER, useValue: logger },
      { provide: Registry, useValue: new Registry() },
      { provide: ReplicaState, useValue: state },
      { provide: RUNS_JOBS, useValue: true },
      { provide: ApiDocument, useValue: new ApiDocument() },
    ]);
    return {
      app,
      listen: () => listen(app, config),
      close: async () => {
        state.isDraining = true;
        server.beginDraining();
        await closeApplication(app, logger);
        if (!(await isSettledWithin(closeCoreServices(), CUT_OFF_MS)))
          logger.warn('the database pool did not close in time');
      },
    };
  } catch (error) {
    await closeCoreServices().catch((cause: unknown) =>
      logger.warn({ err: cause }, 'closing after a failed start failed'),
    );
    throw error;
  }
}

function providersOf(coreServices: CoreServices): Provider[] {
  return [
    { provide: Clock, useValue: coreServices.clock },
    { provide: DatabaseClock, useValue: coreServices.databaseClock },
    { provide: Random, useValue: coreServices.random },
    { provide: Ids, useValue: coreServices.ids },
    { provide: DataSource, useValue: coreServices.dataSource },
    { provide: EntityManager, useValue: coreServices.dataSource.manager },
    { provide: Database, useValue: coreServices.database },
    { provide: KeyRing, useValue: coreServices.keyRing },
    { provide: KeyHasher, useExisting: KeyRing },
    { provide: ChainMac, useExisting: KeyRing },
    { provide: Vault, useValue: coreServices.vault },
    { provide: AuditLog, useValue: coreServices.audit },
    { provide: Outbox, useValue: new Outbox(coreServices.clock, coreServices.ids) },
  ];
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
  values: Provider[],
): Promise<NestFastifyApplication> {
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.register(values), server.adapter, {
    logger: new NestLogger(logger.child({}, { level: frameworkLogLevel(logger.level) })),
    bodyParser: false,
    abortOnError: false,
  });
  // The later one is asked first.
  app.useGlobalFilters(
    new ProblemFilter(logger, (path) => server.routes.methodsOf(path)),
    app.get(PolicyViolationFilter),
  );
  app.useGlobalPipes(new InputValidationPipe());
  await app.register(helmet, {
    contentSecurityPolicy: { useDefaults: false, directives: CONTENT_SECURITY_POLICY },
    // Meta's dialog opens as a pop-up of our pages and talks to its opener.
    crossOriginOpenerPolicy: { policy: 'same-origin-allow-popups' },
    referrerPolicy: { policy: 'no-referrer' },
  });
  const fastify = app.getHttpAdapter().getInstance();
  const record = new RequestRecorder(logger, app.get(Registry));
  record.attach(fastify);
  server.useRawHandler(app.get(GatewayHttpHandler), (completed) => record.recordResponse(completed));
  app.get(ApiDocument).describe(app);
  await app.init();
  await fastify.ready();
  return app;
}

/** Fastify listens by itself, because Nest would log a failure before we can say it in words. */
async function listen(app: NestFastifyApplication, { host, port }: Config): Promise<string> {
  try {
    return await app.getHttpAdapter().getInstance().listen({ host, port });
  } catch (error) {
    throw toListenStartupError(error, host, port);
  }
}

/** Nest's own messages at the start (each module, each route) are for debugging only. */
function frameworkLogLevel(level: string): string {
  return level === 'info' ? 'warn' : level;
}

/** Requests and work under way have 15 seconds to end, then 5 more without their sockets; what hangs longer is left to its claims. */
async function closeApplication(app: NestFastifyApplication, logger: Pino): Promise<void> {
  const closed = app.close();
  if (await isSettledWithin(closed, DRAIN_MS)) return;
  logger.warn('requests were still under way after 15 seconds and are cut off');
  app.getHttpServer().closeAllConnections();
  if (await isSettledWithin(closed, CUT_OFF_MS)) return;
  closed.catch((error: unknown) => logger.warn({ err: error }, 'the application failed to close'));
  logger.warn(
    'work was still under way 5 seconds later and is given up: its claims run out, another replica takes it over',
  );
}

function isSettledWithin(work: Promise<void>, timeoutMs: number): Promise<boolean> {
  return settleWithin(
    work.then(() => true),
    timeoutMs,
    false,
  );
}
