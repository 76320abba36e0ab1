import { Controller, Get, Headers, Param, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Public } from '../access/decorators.ts';
import { AppError, notFound, type ProblemType, problemCatalogue } from '../platform/problem.ts';
import { escapeHtml, page } from './page.ts';

/** What the `type` of a problem leads to: a page for people, JSON for those who ask for it. */
@ApiTags('operations')
@Public()
@Controller('problems')
export class ProblemsController {
  @Get()
  @ApiOperation({ summary: 'Every kind of problem that this service answers with' })
  list(@Headers('accept') accept: string | undefined, @Res({ passthrough: true }) reply: FastifyReply): unknown {
    const types = problemCatalogue();
    if (prefersJson(accept)) return { data: types.map(toView) };
    reply.type('text/html; charset=utf-8');
    return page('Problems', `<h1>Problems</h1>\n<ul>\n${types.map(toListItem).join('\n')}\n</ul>`);
  }

  @Get(':code')
  @ApiOperation({ summary: 'One kind of problem' })
  show(
    @Param('code') code: string,
    @Headers('accept') accept: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): unknown {
    const type = problemCatalogue().find((each) => each.code === code);
    if (type === undefined) throw new AppError(notFound, { detail: 'This service has no problem of that name.' });
    if (prefersJson(accept)) return toView(type);
    reply.type('text/html; charset=utf-8');
    return page(
      type.code,
      `<h1>${escapeHtml(type.title)}</h1>
<dl>
<dt>Code</dt><dd><code>${escapeHtml(type.code)}</code></dd>
<dt>Status</dt><dd>${type.status}</dd>
<dt>What to do</dt><dd>${escapeHtml(type.remedy)}</dd>
</dl>
<p><a href="/problems">All problems</a></p>`,
    );
  }
}

function toView({ code, status, title, remedy }: ProblemType): Record<string, unknown> {
  return { type: `/problems/${code}`, code, status, title, remedy };
}

function toListItem({ code, status, title }: ProblemType): string {
  return `<li><a href="/problems/${encodeURIComponent(code)}"><code>${escapeHtml(code)}</code></a> (${status}): ${escapeHtml(title)}</li>`;
}

function prefersJson(accept = ''): boolean {
  return accept.includes('json') && !accept.includes('text/html');
}
