import { Controller, Get, Param, Query, Req, Res, UseFilters } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Public } from '../access/decorators.ts';
import type { CallbackQuery } from '../meta/callback-query.ts';
import { BrowserFilter } from './browser.filter.ts';
import { answerEnd } from './browser-answer.ts';
import { OpenSession } from './open-session.ts';
import { ReceiveCallback } from './receive-callback.ts';

/** Where a person's browser comes by: on the way to Meta's dialog, and back. */
@ApiExcludeController()
@Public()
@UseFilters(BrowserFilter)
@Controller()
export class BrowserController {
  constructor(
    private readonly opener: OpenSession,
    private readonly callback: ReceiveCallback,
  ) {}

  @Get('connect/:token')
  async open(@Param('token') token: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const session = await this.opener.find(token);
    reply.header('cache-control', 'no-store');
    // Fastify answers HEAD by the GET route. Who only looks gets no state, no cookie and no dialog.
    if (request.method === 'HEAD') {
      reply.send();
      return;
    }
    const opened = await this.opener.open(session);
    reply.header('set-cookie', opened.cookie);
    reply.redirect(opened.dialogUrl ?? '', 302);
  }

  @Get('oauth/meta/callback')
  async receive(
    @Query() query: CallbackQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    if (request.method === 'HEAD') {
      reply.header('cache-control', 'no-store').send();
      return;
    }
    const end = await this.callback.receive(query, request.headers.cookie, String(request.id));
    answerEnd(request, reply, end);
  }
}
