import { Controller, Get, Headers, Param, Res, type Type } from '@nestjs/common';
import { ApiExtraModels, ApiOkResponse, ApiOperation, ApiParam, ApiTags, getSchemaPath } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Public } from '../../auth/decorators.ts';
import { Config } from '../../config/config.ts';
import { publicPath } from '../../config/public-path.ts';
import { type ListedErrorCode, listErrorCodes } from '../../platform/error-code.ts';
import { escapeHtml } from '../../platform/html.ts';
import { prefersJson } from '../../platform/http-server/prefers-json.ts';
import { ApiProblems } from '../../platform/openapi/api-problems.ts';
import { HTML } from '../../platform/openapi/media-types.ts';
import { AppError, listProblemTypes, notFound, type ProblemType } from '../../platform/problem.ts';
import { ProblemListResponse, ProblemResponse } from './problem.dto.ts';
import { renderPage } from './render-page.ts';

const contentOf = (model: Type) => ({ ...HTML, 'application/json': { schema: { $ref: getSchemaPath(model) } } });

/** Serves the pages that a problem's `type` points to: HTML for people, JSON for clients that ask for it. */
@ApiTags('operations')
@Public()
@Controller('problems')
export class ProblemsController {
  constructor(private readonly config: Config) {}

  @Get()
  @ApiOperation({
    operationId: 'listProblems',
    summary: 'List all problems and codes of this service',
    description: 'A page for people, or JSON if `Accept` asks for it.',
  })
  @ApiExtraModels(ProblemListResponse)
  @ApiOkResponse({ description: 'All problems', content: contentOf(ProblemListResponse) })
  list(
    @Headers('accept') accept: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): ProblemListResponse | string {
    const types = listProblemTypes();
    const entries = entriesWithoutProblem(types);
    if (prefersJson(accept)) return { data: [...types.map(toProblemResponse), ...entries.map(toEntryResponse)] };
    reply.type('text/html; charset=utf-8');
    const base = escapeHtml(publicPath(this.config));
    return renderPage(
      'Problems',
      `<h1>Problems</h1>\n<ul>\n${types.map((type) => toListItem(base, type, String(type.status))).join('\n')}\n</ul>
<h2>Codes in other fields</h2>\n<ul>\n${entries.map((entry) => toListItem(base, entry, entry.appearsIn)).join('\n')}\n</ul>`,
    );
  }

  @Get(':code')
  @ApiParam({ name: 'code', description: 'Code of the problem', example: 'reauth_required' })
  @ApiOperation({
    operationId: 'getProblem',
    summary: 'Explain a problem',
    description: "What a problem's `type` leads to: a page for people, or JSON if `Accept` asks for it.",
  })
  @ApiExtraModels(ProblemResponse)
  @ApiOkResponse({ description: 'What the code means, and what to do', content: contentOf(ProblemResponse) })
  @ApiProblems(notFound)
  show(
    @Param('code') code: string,
    @Headers('accept') accept: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): ProblemResponse | string {
    const types = listProblemTypes();
    const type = types.find((each) => each.code === code);
    const entry = entriesWithoutProblem(types).find((each) => each.code === code);
    const found = type ?? entry;
    if (found === undefined) throw new AppError(notFound, { detail: 'There is no problem with this code.' });
    if (prefersJson(accept)) return 'status' in found ? toProblemResponse(found) : toEntryResponse(found);
    reply.type('text/html; charset=utf-8');
    const place =
      'status' in found
        ? `<dt>Status</dt><dd>${found.status}</dd>`
        : `<dt>Appears in</dt><dd><code>${escapeHtml(found.appearsIn)}</code></dd>`;
    return renderPage(
      found.code,
      `<h1>${escapeHtml(found.title)}</h1>
<dl>
<dt>Code</dt><dd><code>${escapeHtml(found.code)}</code></dd>
${place}
<dt>What to do</dt><dd>${escapeHtml(found.remedy)}</dd>
</dl>
<p><a href="${escapeHtml(publicPath(this.config))}/problems">All problems</a></p>`,
    );
  }
}

/** Lists error codes without a problem of the same code, whose page would take precedence. */
function entriesWithoutProblem(types: readonly ProblemType[]): ListedErrorCode[] {
  const problems = new Set<string>(types.map(({ code }) => code));
  return listErrorCodes().filter(({ code }) => !problems.has(code));
}

function toEntryResponse({ code, appearsIn, title, remedy }: ListedErrorCode): ProblemResponse {
  return { type: `/problems/${code}`, code, status: null, appears_in: appearsIn, title, remedy };
}

function toProblemResponse({ code, status, title, remedy }: ProblemType): ProblemResponse {
  return { type: `/problems/${code}`, code, status, title, remedy };
}

function toListItem(base: string, { code, title }: { code: string; title: string }, place: string): string {
  const link = `<a href="${base}/problems/${encodeURIComponent(code)}"><code>${escapeHtml(code)}</code></a>`;
  return `<li>${link} (${escapeHtml(place)}): ${escapeHtml(title)}</li>`;
}
