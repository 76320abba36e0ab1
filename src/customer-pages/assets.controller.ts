import { Controller, Get, Header, Headers, Param, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Public } from '../auth/decorators.ts';
import { LOGO_MEDIA_TYPES } from '../config/branding-settings.ts';
import { ApiProblems } from '../platform/openapi/api-problems.ts';
import { AppError, notFound } from '../platform/problem.ts';
import { type PageAsset, PageAssets } from './page-assets.ts';

const ONE_YEAR_SECONDS = 365 * 24 * 60 * 60;
/** Opened by itself, an SVG must do nothing. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox";
const FILE = { schema: { type: 'string', format: 'binary' } };

/** Serves what the customers' pages load, and `@metavault/connect` for the products' own pages. */
@ApiTags('browser')
@Public()
@Controller()
export class AssetsController {
  constructor(private readonly assets: PageAssets) {}

  @Get('assets/:file')
  @Header('content-security-policy', POLICY)
  @ApiOperation({
    operationId: 'getPageAsset',
    summary: 'Get a script, the style or the logo of a page',
    description:
      'The names contain a hash of the content and appear in the pages. Any other hash gives the current file, which must be revalidated then.',
  })
  @ApiParam({ name: 'file', description: 'As in the page', example: 'page-0123456789abcdef.css' })
  @ApiOkResponse({
    description: 'The file, cached for a year if the hash is its own',
    content: {
      'text/css': FILE,
      'text/javascript': FILE,
      ...Object.fromEntries(LOGO_MEDIA_TYPES.map((type) => [type, FILE])),
    },
  })
  @ApiResponse({ status: 304, description: 'The file is the one that If-None-Match names' })
  @ApiProblems(notFound)
  file(
    @Param('file') file: string,
    @Headers('if-none-match') known: string | undefined,
    @Res() reply: FastifyReply,
  ): void {
    const asset = this.assets.find(file);
    if (asset === null) throw new AppError(notFound, { detail: 'There is no such file.' });
    const isOwnHash = file === asset.fileName;
    send(reply, asset, known, isOwnHash ? `public, max-age=${ONE_YEAR_SECONDS}, immutable` : 'no-cache');
  }

  /** Pages of any product load it, so other origins must be able to (also with an `integrity` attribute). */
  @Get('connect.js')
  @Header('cross-origin-resource-policy', 'cross-origin')
  @Header('access-control-allow-origin', '*')
  @ApiOperation({
    operationId: 'getConnectScript',
    summary: 'Get the script that opens connect sessions in a pop-up',
    description:
      'The global build of @metavault/connect, for a script element of your pages: it sets Metavault.connect. It is revalidated by its ETag.',
  })
  @ApiOkResponse({ description: 'The script', content: { 'text/javascript': FILE } })
  @ApiResponse({ status: 304, description: 'The script is the one that If-None-Match names' })
  connectScript(@Headers('if-none-match') known: string | undefined, @Res() reply: FastifyReply): void {
    send(reply, this.assets.get('connect.js'), known, 'public, max-age=300, must-revalidate');
  }
}

function send(reply: FastifyReply, asset: PageAsset, known: string | undefined, cacheControl: string): void {
  const etag = `"${asset.fileName}"`;
  reply.header('etag', etag).header('cache-control', cacheControl).header('x-content-type-options', 'nosniff');
  const isKnown = known?.split(',').some((each) => each.trim().replace(/^W\//, '') === etag) === true;
  if (isKnown) reply.status(304).send();
  else reply.type(asset.mediaType).send(asset.content);
}
