import { type INestApplication, Injectable } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { listProblemTypes } from '../../platform/problem.ts';
import { describeRoutes } from './describe-routes.ts';

/** The application's OpenAPI document, generated on first use. */
@Injectable()
export class ApiDocument {
  #app: INestApplication | null = null;
  #document: OpenAPIObject | null = null;

  /** Sets the application to describe, once it is built. */
  describe(app: INestApplication): void {
    this.#app = app;
  }

  get(): OpenAPIObject {
    if (this.#app === null) throw new Error('no application to describe yet');
    this.#document ??= build(this.#app);
    return this.#document;
  }
}

function build(app: INestApplication): OpenAPIObject {
  const controllers = app
    .get(DiscoveryService)
    .getControllers()
    .flatMap(({ metatype }) => metatype ?? []);
  describeRoutes(controllers);
  const document = SwaggerModule.createDocument(app, OPTIONS);
  return {
    ...document,
    components: { ...document.components, schemas: { ...document.components?.schemas, Problem: describeProblem() } },
  };
}

const OPTIONS = new DocumentBuilder()
  .setTitle('Metavault')
  .setDescription(
    "Token lifecycle and credential vault for Meta's APIs. Errors are application/problem+json (RFC 9457); each type " +
      'is the path of a page that says what to do.',
  )
  .setVersion('1')
  .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'The API key of a client' }, 'bearer')
  .build();

const text = { type: 'string' };

/** Returns the schema of every error. Lists the codes that the loaded modules define. */
function describeProblem(): Record<string, unknown> {
  const code = {
    type: 'string',
    description: 'A stable code; later versions may add codes',
    'x-extensible-enum': listProblemTypes().map(({ code }) => code),
  };
  return {
    type: 'object',
    required: ['type', 'title', 'status', 'detail', 'code', 'request_id', 'remedy'],
    properties: {
      type: { type: 'string', description: 'A path of this service with a page about the problem' },
      title: text,
      status: { type: 'integer' },
      detail: text,
      code,
      request_id: text,
      remedy: { type: 'string', description: 'What the client should do' },
      errors: {
        type: 'array',
        items: { type: 'object', required: ['path', 'message'], properties: { path: text, message: text } },
      },
      meta: {
        type: 'object',
        description: 'What Meta reported, if Meta is the cause',
        properties: { code: { type: 'integer' }, subcode: { type: 'integer' }, type: text, fbtrace_id: text },
      },
    },
  };
}
