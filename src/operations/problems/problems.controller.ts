import { Controller, Get, Headers, Param, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Public } from '../../auth/decorators.ts';
import { type ListedErrorCode, listErrorCodes } from '../../platform/error-code.ts';
import { escapeHtml } from '../../platform/html.ts';
import { AppError, listProblemTypes, notFound, type ProblemType } from '../../platform/problem.ts';
import { renderPage } from './render-page.ts';

/** Serves the pages that a problem's `type` points to: HTML for people, JSON for clients that ask for it. */
@ApiTags('operations')
@Public()
@Controller('problems')
export class ProblemsController {
  @Get()
  @ApiOperation({ summary: 'All problems that this service returns' })
  list(@Headers('accept') accept: string | undefined, @Res({ passthrough: true }) reply: FastifyReply): unknown {
    const types = listProblemTypes();
    const entries = entriesWithoutProblem(types);
    if (prefersJson(accept)) return { data: [...types.map(toProblemResponse), ...entries.map(toEntryResponse)] };
    reply.type('text/html; charset=utf-8');
    return renderPage(
      'Problems',
      `<h1>Problems</h1>\n<ul>\n${types.map((type) => toListItem(type, String(type.status))).join('\n')}\n</ul>
<h2>Codes in other fields</h2>\n<ul>\n${entries.map((entry) => toListItem(entry, entry.appearsIn)).join('\n')}\n</ul>`,
    );
  }

  @Get(':code')
  @ApiOperation({ summary: 'One problem' })
  show(
    @Param('code') code: string,
    @Headers('accept') accept: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): unknown {
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
<p><a href="/problems">All problems</a></p>`,
    );
  }
}

/** Lists error codes without a problem of the same code, whose page would take precedence. */
function entriesWithoutProblem(types: readonly ProblemType[]): ListedErrorCode[] {
  const problems = new Set<string>(types.map(({ code }) => code));
  return listErrorCodes().filter(({ code }) => !problems.has(code));
}

function toEntryResponse({ code, appearsIn, title, remedy }: ListedErrorCode): Record<string, unknown> {
  return { type: `/problems/${code}`, code, status: null, appears_in: appearsIn, title, remedy };
}

function toProblemResponse({ code, status, title, remedy }: ProblemType): Record<string, unknown> {
  return { type: `/problems/${code}`, code, status, title, remedy };
}

function toListItem({ code, title }: { code: string; title: string }, place: string): string {
  const link = `<a href="/problems/${encodeURIComponent(code)}"><code>${escapeHtml(code)}</code></a>`;
  return `<li>${link} (${escapeHtml(place)}): ${escapeHtml(title)}</li>`;
}

function prefersJson(accept = ''): boolean {
  return accept.includes('json') && !accept.includes('text/html');
}
