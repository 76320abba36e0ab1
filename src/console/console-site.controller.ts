import { Controller, Get, Headers, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Public } from '../auth/decorators.ts';
import { ApiProblems } from '../platform/openapi/api-problems.ts';
import { HTML } from '../platform/openapi/media-types.ts';
import { AppError, notFound } from '../platform/problem.ts';
import { consoleNotBuilt } from './console-problems.ts';
import { ConsoleSite, type SiteFile } from './console-site.ts';

const ONE_YEAR_SECONDS = 365 * 24 * 60 * 60;
/** Vite puts a hash of the content into the names there. */
const HASHED_FOLDER = 'assets/';
const FILE = { '*/*': { schema: { type: 'string', format: 'binary' } } };

/** Serves the admins' site. The site gets its data from /v1 with the session's cookie. */
@ApiTags('console')
@Public()
@Controller('console')
export class ConsoleSiteController {
  constructor(private readonly site: ConsoleSite) {}

  @Get()
  @ApiOperation({
    operationId: 'showConsole',
    summary: 'Show the console',
    description: 'The site for the people who run this. It holds no data: sign in first.',
  })
  @ApiOkResponse({ description: 'The page', content: HTML })
  @ApiProblems(consoleNotBuilt)
  index(@Res() reply: FastifyReply): void {
    this.sendPage(reply);
  }

  @Get('*')
  @ApiParam({ name: 'path', description: 'A page of the console, or a file of it', example: 'connections' })
  @ApiOperation({
    operationId: 'showConsolePage',
    summary: 'Show a page of the console, or get a file of it',
    description: 'Every address that is no file is a page of the same site.',
  })
  @ApiOkResponse({ description: 'The page or the file', content: { ...HTML, ...FILE } })
  @ApiProblems(notFound, consoleNotBuilt)
  async page(
    @Req() { params }: FastifyRequest<{ Params: { '*': string } }>,
    @Headers('accept-encoding') encodings: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const name = params['*'];
    const file = this.site.find(name);
    const isHashed = name.startsWith(HASHED_FOLDER);
    if (file !== null) await sendFile(reply, file, encodings, isHashed);
    else if (isHashed) throw new AppError(notFound, { detail: 'There is no such file.' });
    else this.sendPage(reply);
  }

  private sendPage(reply: FastifyReply): void {
    const page = this.site.render();
    if (page === null) throw new AppError(consoleNotBuilt);
    reply
      .type('text/html; charset=utf-8')
      .headers({
        'cache-control': 'no-store',
        'content-security-policy': policyOf(page.nonce),
        'cross-origin-opener-policy': 'same-origin',
        'x-frame-options': 'DENY',
      })
      .send(page.html);
  }
}

/** Allows nothing inline but styles with the nonce, nothing from elsewhere, and no framing. */
function policyOf(nonce: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ');
}

async function sendFile(
  reply: FastifyReply,
  { mediaType, content, gzipped }: SiteFile,
  encodings: string | undefined,
  isHashed: boolean,
): Promise<void> {
  const compressed = /\bgzip\b/.test(encodings ?? '') ? await gzipped() : null;
  reply
    .type(mediaType)
    .headers({
      'cache-control': isHashed ? `public, max-age=${ONE_YEAR_SECONDS}, immutable` : 'no-cache',
      vary: 'Accept-Encoding',
      ...(compressed === null ? {} : { 'content-encoding': 'gzip' }),
    })
    .send(compressed ?? content);
}
