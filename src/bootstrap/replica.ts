import 'reflect-metadata';
import { setTimeout as sleep } from 'node:timers/promises';
import helmet from '@fastify/helmet';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Registry } from 'prom-client';
import { AppModule, type AppOptions } from '../app.module.ts';
import { AuthenticationService } from '../auth/authentication.service.ts';
import { MAX_CACHE_AGE_MS } from '../auth/client-resolver.ts';
import { PolicyViolationFilter } from '../auth/policy/policy-violation.filter.ts';
import type { Config } from '../config/config.ts';
import { ConsoleSite } from '../console/console-site.ts';
import { PageAssets } from '../customer-pages/page-assets.ts';
import { GatewayHttpHandler } from '../gateway/gateway.http-handler.ts';
import { ApiDocument } from '../operations/documentation/api-document.ts';
import { ReplicaState } from '../operations/health/replica-state.ts';
import { RequestRecorder } from '../operations/metrics/request-recorder.ts';
import { isOperationsRoute } from '../operations/operations-routes.ts';
import type { Clock } from '../platform/clock.ts';
import { type HttpClient, UndiciHttpClient } from '../platform/http-client/http-client.ts';
import { createHttpServer, type HttpServer } from '../platform/http-server/http-server.ts';
import type { HttpServerLimits } from '../platform/http-server/http-server-limits.ts';
import { InputValidationPipe } from '../platform/http-server/input-validation.pipe.ts';
import type { OperationsListener } from '../platform/http-server/operations-listener.ts';
import { ProblemFilter } from '../platform/http-server/problem.filter.ts';
import { createLogger, NestLogger, type Pino } from '../platform/logger.ts';
import type { Random } from '../platform/random.ts';
import { settleWithin } from '../platform/settle-within.ts';
import { LoggedTenants } from '../vault/logged-tenants.ts';
import { openCoreServices } from './core-services.ts';
import { requireRowMacs } from './row-mac-step.ts';
import { toListenStartupError } from './startup-error.ts';
import { startTracing } from './tracing.ts';
import { warmUp } from './warm-up.ts';

export interface ReplicaOptions {
  config: Config;
  /** URL of the configured or the embedded database. */
  databaseUrl: string;
  /** For tests. */
  overrides?: {
    /** Replaces the database's clock. */
    clock?: Clock;
    /** This machine's clock, which readiness compares with the database's. */
    localClock?: Clock;
    random?: Random;
    http?: HttpClient;
    logger?: Pino;
    httpLimits?: Partial<HttpServerLimits>;
    /** Multiplies the usual time limits of statements. */
    databasePatience?: number;
  };
}

/** One running service: HTTP server and jobs on one database. */
export interface Replica {
  app: NestFastifyApplication;
  /** Warms up, then listens on the configured host and port. Returns the URL. */
  listen(): Promise<string>;
  /** URL of the operations listener; null if there is none, or before `listen`. */
  operationsAddress(): string | null;
  /**
   * Fails readiness, keeps serving for `SHUTDOWN_DELAY_SECONDS`, then finishes running requests and work (within 15
   * seconds), stops jobs, closes pools.
   */
  close(): Promise<void>;
}

const DRAIN_MS = 15_000;
const CUT_OFF_MS = 5_000;

/** Builds a replica that is ready to listen. If that fails, closes everything it opened and throws the cause. */
export async function createReplica({ config, databaseUrl, overrides = {} }: ReplicaOptions): Promise<Replica> {
  const logger = overrides.logger ?? createLogger(config.logLevel);
  for (const warning of config.warnings) logger.warn(warning);
  const http = overrides.http ?? new UndiciHttpClient();
  const coreServices = await openCoreServices({ config, databaseUrl, overrides });
  for (const warning of coreServices.warnings) logger.warn(warning);
  const stopTracing = await startTracing(config.tracing);
  const closeCoreServices = async (): Promise<void> => {
    if (overrides.http === undefined) await http.close();
    await coreServices.close();
    await stopTracing();
  };
  try {
    await requireRowMacs({ ...coreServices, logger });
    const server = createHttpServer(logger, coreServices.ids, config.trustedProxies, {
      unauthenticatedBodyBytes: config.unauthenticatedBodyBytes,
      ...overrides.httpLimits,
    });
    const options = {
      config,
      platform: { ...coreServices, http, logger, runsJobs: true },
      database: coreServices,
      keyRing: coreServices.keyRing,
    };
    const app = await createApplication(server, logger, options);
    const state = app.get(ReplicaState);
    let operationsAddress: string | null = null;
    return {
      app,
      operationsAddress: () => operationsAddress,
      listen: async () => {
        await warmUp(coreServices);
        operationsAddress = await listenForOperations(server.operations, config);
        return listen(app, config);
      },
      close: async () => {
        state.isDraining = true;
        // Moves clients away from their connections while new ones are still answered.
        server.beginDraining();
        await sleep(config.shutdownDelaySeconds * 1_000);
        await closeApplication(app, logger);
        await server.operations.close();
        if (!(await isSettledWithin(closeCoreServices(), CUT_OFF_MS)))
          logger.warn('the database pool did not close in time');
      },
    };
  } catch (error) {
    await closeCoreServices().catch((cause: unknown) =>
      logger.warn({ err: cause }, 'could not close everything after a failed start'),
    );
    throw error;
  }
}

/** For our own pages and /docs. Pages that need more, such as that of the JS SDK, send their own policy. */
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
  options: AppOptions,
): Promise<NestFastifyApplication> {
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.register(options), server.adapter, {
    logger: new NestLogger(logger.child({}, { level: frameworkLogLevel(logger.level) })),
    bodyParser: false,
    abortOnError: false,
  });
  // Nest asks later filters first.
  app.useGlobalFilters(
    new ProblemFilter(logger, (path) => server.routes.methodsOf(path)),
    app.get(PolicyViolationFilter),
  );
  app.useGlobalPipes(new InputValidationPipe());
  await app.register(helmet, {
    contentSecurityPolicy: { useDefaults: false, directives: CONTENT_SECURITY_POLICY },
    // Meta's dialog opens as a pop-up of our pages and needs its opener.
    crossOriginOpenerPolicy: { policy: 'same-origin-allow-popups' },
    referrerPolicy: { policy: 'no-referrer' },
  });
  const fastify = app.getHttpAdapter().getInstance();
  const record = new RequestRecorder(logger, app.get(Registry), app.get(LoggedTenants));
  record.attach(fastify);
  const authentication = app.get(AuthenticationService);
  server.useBodyAuthentication((request) => authentication.authenticate(request, MAX_CACHE_AGE_MS));
  server.useRawHandler(app.get(GatewayHttpHandler), (completed) => record.recordResponse(completed));
  // Fails at startup rather than at the first customer's request.
  app.get(PageAssets).load();
  app.get(ConsoleSite).load();
  app.get(ApiDocument).describe(app);
  await app.init();
  await fastify.ready();
  return app;
}

/** Calls Fastify's `listen`: Nest's logs a failure before it can become a `StartupError`. */
async function listen(app: NestFastifyApplication, { host, port }: Config): Promise<string> {
  try {
    return await app.getHttpAdapter().getInstance().listen({ host, port });
  } catch (error) {
    throw toListenStartupError(error, host, port);
  }
}

/** Returns the URL, or null if OPERATIONS_PORT is not set. */
async function listenForOperations(listener: OperationsListener, { operations }: Config): Promise<string | null> {
  const { host, port } = operations;
  if (port === null) return null;
  try {
    return await listener.listen(host, port, isOperationsRoute);
  } catch (error) {
    throw toListenStartupError(error, host, port, { host: 'OPERATIONS_HOST', port: 'OPERATIONS_PORT' });
  }
}

/** Nest's startup messages, one per module and route, are shown only at level `trace`. */
function frameworkLogLevel(level: string): string {
  return level === 'info' || level === 'debug' ? 'warn' : level;
}

/**
 * Gives running requests and work 15 seconds to end, then 5 more without sockets. Claims of work that still hangs
 * expire.
 */
async function closeApplication(app: NestFastifyApplication, logger: Pino): Promise<void> {
  const closed = app.close();
  if (await isSettledWithin(closed, DRAIN_MS)) return;
  logger.warn('requests still running after 15 seconds are cut off');
  app.getHttpServer().closeAllConnections();
  if (await isSettledWithin(closed, CUT_OFF_MS)) return;
  closed.catch((error: unknown) => logger.warn({ err: error }, 'the application failed to close'));
  logger.warn('work still running 5 seconds later is abandoned: another replica takes it over when its claims expire');
}

function isSettledWithin(work: Promise<void>, timeoutMs: number): Promise<boolean> {
  return settleWithin(
    work.then(() => true),
    timeoutMs,
    false,
  );
}
