import { createHash } from 'node:crypto';
import { Controller, Get, Req, Res } from '@nestjs/common';
import { ApiExtraModels, ApiOkResponse, ApiOperation, ApiTags, getSchemaPath } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Public } from '../../auth/decorators.ts';
import { OperatorAccess } from '../../auth/operator-access.ts';
import { renderHtmlPage } from '../../platform/html.ts';
import { prefersJson } from '../../platform/http-server/prefers-json.ts';
import { HTML } from '../../platform/openapi/media-types.ts';
import { StartPageResponse } from './start-page.dto.ts';

const PATHS = {
  console: '/console',
  docs: '/docs',
  openapi: '/openapi.json',
  health: '/health/ready',
  problems: '/problems',
};

const LINKS = [
  {
    path: PATHS.console,
    label: 'Console',
    about: 'Connections, clients, keys, and the audit record',
    isForOperators: false,
  },
  { path: PATHS.docs, label: 'API reference', about: 'Every operation, with examples', isForOperators: true },
  { path: PATHS.openapi, label: 'OpenAPI document', about: 'For generators of clients', isForOperators: true },
  { path: PATHS.health, label: 'Health', about: 'Whether this replica can serve', isForOperators: false },
  { path: PATHS.problems, label: 'Problems', about: 'Every error code, and what to do', isForOperators: false },
];

const STYLE = `:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0; color: #1c1e21; background: #fff; }
main { max-width: 34rem; margin: 0 auto; padding: 12vh 1.25rem 2rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .5rem; }
ul { list-style: none; margin: 1.5rem 0 0; padding: 0; }
li { border-top: 1px solid #8884; }
a { display: block; padding: .85rem 0; color: #0058ba; font-weight: 600; text-decoration: none; }
a:hover { text-decoration: underline; }
:focus-visible { outline: 3px solid #75b1ff; outline-offset: 2px; }
small { display: block; color: #5a6068; font-size: .9rem; font-weight: 400; }
@media (prefers-color-scheme: dark) {
  body { color: #e4e6eb; background: #18191a; } a { color: #75b1ff; } small { color: #b0b3b8; }
}`;

function renderStartPage(links: readonly (typeof LINKS)[number][]): string {
  return renderHtmlPage({
    title: 'Metavault',
    style: STYLE,
    head: '<link rel="icon" href="data:,">\n',
    body: `<h1>Metavault</h1>
<p>Keeps Meta's access tokens, and lends them to product services.</p>
<nav aria-label="Metavault">
<ul>
${links.map(({ path, label, about }) => `<li><a href=".${path}">${label}<small>${about}</small></a></li>`).join('\n')}
</ul>
</nav>`,
  });
}

const PAGE = renderStartPage(LINKS);
const PUBLIC_PAGE = renderStartPage(LINKS.filter(({ isForOperators }) => !isForOperators));

/** Allows nothing but this page's own style, by its hash. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  'img-src data:',
  `style-src 'sha256-${createHash('sha256').update(`\n${STYLE}\n`).digest('base64')}'`,
].join('; ');

/** The page at the service's address, with links to the others. */
@ApiTags('operations')
@Public()
@Controller()
export class StartPageController {
  constructor(private readonly operators: OperatorAccess) {}

  @Get()
  @ApiOperation({
    operationId: 'getStartPage',
    summary: 'Find the console, the documentation, and the health of this service',
    description: 'A page for people, or JSON if `Accept` asks for it.',
  })
  @ApiExtraModels(StartPageResponse)
  @ApiOkResponse({
    description: 'Where to go from here',
    content: { ...HTML, 'application/json': { schema: { $ref: getSchemaPath(StartPageResponse) } } },
  })
  show(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): StartPageResponse | string {
    reply.header('vary', 'Accept').header('content-security-policy', CONTENT_SECURITY_POLICY);
    const isOperator = this.operators.isOperator(request);
    if (prefersJson(request.headers.accept)) return isOperator ? PATHS : { ...PATHS, docs: null, openapi: null };
    reply.type('text/html; charset=utf-8');
    return isOperator ? PAGE : PUBLIC_PAGE;
  }
}
