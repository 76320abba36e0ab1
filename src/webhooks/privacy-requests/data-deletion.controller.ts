import { Controller, Get, Headers, Param, Res } from '@nestjs/common';
import {
  ApiExtraModels,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiTags,
  getSchemaPath,
} from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Public } from '../../auth/decorators.ts';
import { CustomerPages } from '../../customer-pages/customer-pages.ts';
import { chooseLocale } from '../../customer-pages/locale.ts';
import { prefersJson } from '../../platform/http-server/prefers-json.ts';
import { ApiProblems } from '../../platform/openapi/api-problems.ts';
import { HTML } from '../../platform/openapi/media-types.ts';
import { AppError } from '../../platform/problem.ts';
import { deletionNotFound } from '../webhook-problems.ts';
import { DeletionStatusResponse } from './data-deletion.dto.ts';
import { buildDeletionPage } from './deletion-page.ts';
import type { PrivacyRequest } from './privacy-request.repository.ts';
import { PrivacyRequestService } from './privacy-request.service.ts';

const CODE = /^[0-9a-f]{32}$/;

/**
 * Shows users the state of their request. Meta gave the code only to the user, so knowing it is authorization enough.
 */
@ApiTags('meta')
@Public()
@Controller('data-deletion')
export class DataDeletionController {
  constructor(
    private readonly requests: PrivacyRequestService,
    private readonly pages: CustomerPages,
  ) {}

  @Get(':code')
  @ApiParam({ name: 'code', description: 'The confirmation code', example: '0123456789abcdef0123456789abcdef' })
  @ApiOperation({
    operationId: 'getDataDeletion',
    summary: 'Show the state of a data deletion',
    description: 'A page for people, or JSON if `Accept` asks for it. Knowing the code is authorization enough.',
  })
  @ApiExtraModels(DeletionStatusResponse)
  @ApiOkResponse({
    description: 'The state of the request',
    content: { ...HTML, 'application/json': { schema: { $ref: getSchemaPath(DeletionStatusResponse) } } },
  })
  @ApiNotFoundResponse({ description: 'No request has this code', content: HTML })
  @ApiProblems(deletionNotFound)
  async show(
    @Param('code') code: string,
    @Headers('accept') accept: string | undefined,
    @Headers('accept-language') acceptLanguage: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    reply.header('cache-control', 'no-store').header('x-robots-tag', 'noindex');
    const request = CODE.test(code) ? await this.requests.findByCode(code) : null;
    if (request === null && prefersJson(accept)) throw new AppError(deletionNotFound);
    const status = request === null ? null : toDeletionStatus(code, request);
    reply.status(status === null ? 404 : 200);
    if (prefersJson(accept)) reply.send(status);
    else this.pages.send(reply, buildDeletionPage(status, chooseLocale(null, acceptLanguage)));
  }
}

function toDeletionStatus(code: string, { receivedAt, completedAt }: PrivacyRequest): DeletionStatusResponse {
  return {
    confirmation_code: code,
    status: completedAt === null ? 'in_progress' : 'completed',
    requested_at: receivedAt.toISOString(),
    completed_at: completedAt?.toISOString() ?? null,
  };
}
