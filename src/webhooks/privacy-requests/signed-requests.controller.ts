import { Controller, HttpCode, Post, Req } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { Public } from '../../auth/decorators.ts';
import { WaitsForStandby } from '../../database/standby/waits-for-standby.ts';
import { MetaApps } from '../../meta/meta-apps.ts';
import { TakesBody } from '../../platform/http-server/request-body.ts';
import { ApiProblems } from '../../platform/openapi/api-problems.ts';
import { signatureInvalid } from '../webhook-problems.ts';
import { SignedRequestReceiver } from './signed-request-receiver.ts';
import { DataDeletionResponse, DeauthorizationResponse, SignedRequestForm } from './signed-requests.dto.ts';

const FORM = 'application/x-www-form-urlencoded';

/**
 * Receives Meta's reports that a user removed the app or wants their data deleted
 * (docs/meta-facts.md#deauthorization-and-deletion).
 */
@ApiTags('meta')
@ApiConsumes(FORM)
@Public()
@Controller('webhooks/meta')
export class SignedRequestsController {
  constructor(
    private readonly receiver: SignedRequestReceiver,
    private readonly apps: MetaApps,
  ) {}

  @Post('deauthorize')
  @HttpCode(200)
  @WaitsForStandby({ isEnding: true })
  @TakesBody('form')
  @ApiBody({ type: SignedRequestForm })
  @ApiOperation({
    operationId: 'deauthorizeMetaUser',
    summary: "Receive Meta's report that a user removed the app",
    description: "Revokes the user's connections before the answer. A repeat gets the first one's answer.",
  })
  @ApiOkResponse({ type: DeauthorizationResponse, description: 'The connections are revoked' })
  @ApiProblems(signatureInvalid)
  deauthorize(@Req() request: FastifyRequest): Promise<DeauthorizationResponse> {
    return this.receiver.deauthorize(this.apps.primary, request);
  }

  @Post('data-deletion')
  @HttpCode(200)
  @WaitsForStandby({ isEnding: true })
  @TakesBody('form')
  @ApiBody({ type: SignedRequestForm })
  @ApiOperation({
    operationId: 'deleteMetaUserData',
    summary: "Receive a user's request to delete their data",
    description:
      "Meta shows the page and code to the user, so every request gets them, even from users we don't know. A repeat gets " +
      "the first one's answer.",
  })
  @ApiOkResponse({ type: DataDeletionResponse, description: 'What Meta shows the user' })
  @ApiProblems(signatureInvalid)
  deleteData(@Req() request: FastifyRequest): Promise<DataDeletionResponse> {
    return this.receiver.deleteData(this.apps.primary, request);
  }
}
