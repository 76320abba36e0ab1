import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { OpenAPIObject } from '@nestjs/swagger';
import { AppModule, type AppOptions } from '../../src/app.module.ts';
import { buildApiDocument } from '../../src/operations/documentation/build-api-document.ts';

/** Where the stored copy says the service is. */
const SERVER_URL = 'https://metavault.example';

/** Builds the API document from the classes alone: a preview of the application, without database and providers. */
export async function describeApi(): Promise<OpenAPIObject> {
  const options = { config: {}, platform: {}, database: { dataSource: {} }, keyRing: {} } as unknown as AppOptions;
  const app = await NestFactory.create(AppModule.register(options), new FastifyAdapter(), {
    preview: true,
    logger: false,
    abortOnError: false,
  });
  return buildApiDocument(app, SERVER_URL);
}

/** The text of `docs/openapi.json`. */
export async function renderApiDocument(): Promise<string> {
  return `${JSON.stringify(await describeApi(), null, 2)}\n`;
}
