import 'reflect-metadata';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AppModule } from '../app.module.ts';
import type { Config } from '../config/config.ts';
import { UndiciHttpClient } from '../platform/http-client/http-client.ts';
import { createLogger, NestLogger } from '../platform/logger.ts';
import { openCoreServices } from './core-services.ts';
import { requireRowMacs } from './row-mac-step.ts';
import { UnprovenRowsError } from './unproven-rows-error.ts';

/** The modules of a replica without its HTTP server and its background jobs. */
export interface ApplicationContext {
  app: INestApplicationContext;
  /** Lets services finish their work, then closes everything. */
  close(): Promise<void>;
}

/**
 * Opens the modules for the command line. Logs errors only, to standard error. Ignores BOOTSTRAP_ADMIN_KEY: a command
 * must not change the admin's key. If it fails, closes everything it opened and throws the cause.
 */
export async function openApplicationContext(config: Config, databaseUrl: string): Promise<ApplicationContext> {
  const logger = createLogger('error', process.stderr);
  const http = new UndiciHttpClient();
  const coreServices = await openCoreServices({ config, databaseUrl });
  const closeCoreServices = async (): Promise<void> => {
    await http.close();
    await coreServices.close();
  };
  try {
    await requireRowMacs({ ...coreServices, logger }).catch((error: unknown) => {
      // Commands are how an operator finds out what happened.
      if (!(error instanceof UnprovenRowsError)) throw error;
      logger.error(error.message);
    });
    const module = AppModule.register({
      config: { ...config, bootstrapAdminKey: null },
      platform: { ...coreServices, http, logger, runsJobs: false },
      database: coreServices,
      keyRing: coreServices.keyRing,
    });
    const app = await NestFactory.createApplicationContext(module, {
      logger: new NestLogger(logger),
      abortOnError: false,
    });
    return {
      app,
      close: async () => {
        await app.close();
        await closeCoreServices();
      },
    };
  } catch (error) {
    await closeCoreServices();
    throw error;
  }
}
