import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { Controller, Get, Param, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiTags, type OpenAPIObject } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ForOperators } from '../../auth/decorators.ts';
import { ApiProblems } from '../../platform/openapi/api-problems.ts';
import { HTML } from '../../platform/openapi/media-types.ts';
import { AppError, notFound } from '../../platform/problem.ts';
import { ApiDocument } from './api-document.ts';

/** Swagger UI's files, from the package that @nestjs/swagger depends on. */
const ASSETS = new Map([
  ['swagger-ui.css', 'text/css; charset=utf-8'],
  ['swagger-ui-bundle.js', 'text/javascript; charset=utf-8'],
  ['favicon-32x32.png', 'image/png'],
]);

const FILE_CONTENT = {
  'text/css': { schema: { type: 'string' } },
  'text/javascript': { schema: { type: 'string' } },
  'image/png': { schema: {} },
};

/**
 * `base` leads from the page to its files. Relative, because browsers see the path of `PUBLIC_URL` in front of it,
 * while the operations port has none.
 */
const renderPage = (base: string): string => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>API · Metavault</title>
<link rel="icon" href="${base}/favicon-32x32.png">
<link rel="stylesheet" href="${base}/swagger-ui.css">
<div id="api"></div>
<script src="${base}/swagger-ui-bundle.js"></script>
<script src="${base}/initialize.js"></script>
</html>
`;
const PAGE = renderPage('./docs');
const PAGE_WITH_SLASH = renderPage('.');
const INITIALIZE = `SwaggerUIBundle({
  url: new URL('../openapi.json', document.currentScript.src).href,
  dom_id: '#api',
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: 'list',
  filter: true,
  defaultModelsExpandDepth: 0,
  persistAuthorization: false,
});
`;

/**
 * Serves the API document and its page without the Swagger module, because our content security policy bans inline
 * scripts.
 */
@ApiTags('operations')
@ForOperators()
@Controller()
export class DocumentationController {
  #directory: string | null = null;

  constructor(private readonly document: ApiDocument) {}

  @Get('openapi.json')
  @ApiOperation({
    operationId: 'getOpenApi',
    summary: 'Get this document',
    description: 'OpenAPI 3.1, of this version of the service.',
  })
  @ApiOkResponse({
    description: 'The document',
    content: { 'application/json': { schema: { type: 'object', additionalProperties: true } } },
  })
  openApi(): OpenAPIObject {
    return this.document.get();
  }

  @Get('docs')
  @ApiOperation({
    operationId: 'showDocumentation',
    summary: 'Show this document as a page',
    description: 'An API key entered there stays in the page.',
  })
  @ApiOkResponse({ description: 'The page', content: HTML })
  page(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): string {
    reply.type('text/html; charset=utf-8');
    return /^[^?]*\/(?:\?|$)/.test(request.url) ? PAGE_WITH_SLASH : PAGE;
  }

  @Get('docs/initialize.js')
  @ApiOperation({
    operationId: 'getDocumentationScript',
    summary: 'Get the script that starts the page',
    description: 'A file of its own, because our content security policy allows no inline scripts.',
  })
  @ApiOkResponse({ description: 'The script', content: { 'text/javascript': { schema: { type: 'string' } } } })
  initialize(@Res({ passthrough: true }) reply: FastifyReply): string {
    reply.type('text/javascript; charset=utf-8');
    return INITIALIZE;
  }

  @Get('docs/:file')
  @ApiParam({ name: 'file', description: 'Name of the file', enum: [...ASSETS.keys()] })
  @ApiOperation({
    operationId: 'getDocumentationFile',
    summary: 'Get a file of the page',
    description: 'Of Swagger UI.',
  })
  @ApiOkResponse({ description: 'The file', content: FILE_CONTENT })
  @ApiProblems(notFound)
  async asset(@Param('file') file: string, @Res({ passthrough: true }) reply: FastifyReply): Promise<Buffer> {
    const type = ASSETS.get(file);
    if (type === undefined) throw new AppError(notFound);
    reply.type(type).header('cache-control', 'public, max-age=3600');
    return readFile(path.join(this.directory(), file));
  }

  private directory(): string {
    const swagger = createRequire(createRequire(import.meta.url).resolve('@nestjs/swagger'));
    this.#directory ??= path.dirname(swagger.resolve('swagger-ui-dist/package.json'));
    return this.#directory;
  }
}
