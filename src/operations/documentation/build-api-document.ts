import type { INestApplication } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { completeOperation, type OperationObject } from './complete-operation.ts';
import { describeEvents } from './describe-events.ts';
import { describeGateway } from './describe-gateway.ts';
import { describeRoutes } from './describe-routes.ts';
import type { Json } from './json.ts';
import { describeProblems } from './problem-responses.ts';
import { pruneComponents } from './prune-components.ts';
import { HEADERS } from './response-headers.ts';
import { modernizeSchemas } from './schemas.ts';
import { SECURITY_SCHEMES } from './security-schemes.ts';
import { TAGS } from './tags.ts';

const DESCRIPTION = `Token lifecycle and credential vault for Meta's APIs.

Errors are \`application/problem+json\` (RFC 9457): \`code\` is stable, \`remedy\` says what to do, and \`type\` is the path of a page
about the problem. The gateway's errors have Meta's shape instead, with our code in \`error.error_data.code\`.

Later versions add paths, fields, enum values of answers, and problem codes. Ignore fields that you do not know.`;

const INFO: Json = {
  title: 'Metavault',
  version: '1',
  description: DESCRIPTION,
  license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
};

/**
 * Builds the OpenAPI 3.1 document of an application from its controllers, access rules, validation rules, problems and
 * events. The application may be a preview, whose providers are not instantiated. `serverUrl`: without trailing slash.
 */
export function buildApiDocument(app: INestApplication, serverUrl: string): OpenAPIObject {
  describeRoutes(controllersOf(app));
  const document = SwaggerModule.createDocument(app, options(serverUrl)) as unknown as Json;
  const { schemas = {} } = document['components'] as { schemas?: Json };
  const problems = describeProblems();
  const events = describeEvents(serverUrl);
  const gateway = describeGateway();
  const components = {
    schemas: { ...schemas, ...problems.schemas, ...events.schemas, ...gateway.schemas },
    responses: { ...problems.responses, ...gateway.responses },
    examples: problems.examples,
    headers: HEADERS,
    securitySchemes: SECURITY_SCHEMES,
  };
  const paths = sortKeys({ ...completePaths(document['paths'] as Paths), ...gateway.paths });
  const { webhooks } = events;
  const used = pruneComponents({ paths, webhooks }, components);
  return modernizeSchemas({
    openapi: document['openapi'],
    info: INFO,
    servers: document['servers'],
    tags: document['tags'],
    paths,
    webhooks,
    components: Object.fromEntries(Object.entries(used).map(([kind, members]) => [kind, sortKeys(members)])),
  }) as unknown as OpenAPIObject;
}

/** A route's wildcard, which OpenAPI lacks: a parameter of any number of segments, like the gateway's. */
const WILDCARD = /\*$/;

type Paths = Record<string, Record<string, OperationObject>>;

function completePaths(paths: Paths): Json {
  const entries = Object.entries(paths).map(([route, item]) => {
    const path = route.replace(WILDCARD, '{path}');
    const operations = Object.entries(item).map(([method, operation]) => [
      method,
      completeOperation(method, path, operation),
    ]);
    return [path, Object.fromEntries(operations)];
  });
  return Object.fromEntries(entries);
}

function controllersOf(app: INestApplication): { name: string; prototype: object }[] {
  const modules = [...app.get(ModulesContainer).values()];
  return modules.flatMap(({ controllers }) => [...controllers.values()].flatMap(({ metatype }) => metatype ?? []));
}

function options(serverUrl: string): Omit<OpenAPIObject, 'paths'> {
  const builder = new DocumentBuilder().setOpenAPIVersion('3.1.0').addServer(serverUrl, 'This service');
  for (const [name, description] of TAGS) builder.addTag(name, description);
  return builder.build();
}

function sortKeys(object: Json): Json {
  return Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)));
}
