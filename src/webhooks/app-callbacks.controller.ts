import { Controller, Get, Headers, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import {
  ApiBody,
  ApiConsumes,
  ApiHeader,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiQuery,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { appNotFound } from '../apps/app-problems.ts';
import { Public, RequestId } from '../auth/decorators.ts';
import { WaitsForStandby } from '../database/standby/waits-for-standby.ts';
import { type MetaApp, MetaApps } from '../meta/meta-apps.ts';
import { TakesBody } from '../platform/http-server/request-body.ts';
import { ApiProblems } from '../platform/openapi/api-problems.ts';
import { PLAIN_TEXT } from '../platform/openapi/media-types.ts';
import { AppError } from '../platform/problem.ts';
import { SignedRequestReceiver } from './privacy-requests/signed-request-receiver.ts';
import {
  DataDeletionResponse,
  DeauthorizationResponse,
  SignedRequestForm,
} from './privacy-requests/signed-requests.dto.ts';
import { WebhookReceivedResponse } from './webhook.dto.ts';
import { handshakeRefused, signatureInvalid } from './webhook-problems.ts';
import { WebhookReceiver } from './webhook-receiver.ts';

const FORM = 'application/x-www-form-urlencoded';
const APP_ID = /^[0-9]{1,32}$/;

const ApiAppId = (): MethodDecorator =>
  ApiParam({ name: 'app_id', description: "Meta's id of the app", example: '1029384756102938' });

/** Callbacks of each Meta app, checked only with that app's own secret and verify token. */
@ApiTags('meta')
@Public()
@Controller('webhooks/meta/:app_id')
export class AppCallbacksController {
  constructor(
    private readonly webhooks: WebhookReceiver,
    private readonly signedRequests: SignedRequestReceiver,
    private readonly apps: MetaApps,
  ) {}

  @Get()
  @ApiAppId()
  @ApiOperation({
    operationId: 'confirmAppWebhook',
    summary: "Answer Meta's handshake for an app",
    description: "Returns `hub.challenge` if `hub.verify_token` is the app's own.",
  })
  @ApiQuery({ name: 'hub.mode', description: 'Always `subscribe`', example: 'subscribe' })
  @ApiQuery({ name: 'hub.challenge', description: 'What to return', example: '1158201444' })
  @ApiQuery({ name: 'hub.verify_token', description: 'That of the app', example: 'a-secret-of-yours' })
  @ApiOkResponse({ description: 'The challenge', content: PLAIN_TEXT })
  @ApiProblems(handshakeRefused, appNotFound)
  async handshake(
    @Param('app_id') id: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<string> {
    const challenge = this.webhooks.shakeHands(await this.find(id), request);
    reply.type('text/plain; charset=utf-8').header('cache-control', 'no-store');
    return challenge;
  }

  @Post()
  @HttpCode(200)
  @ApiAppId()
  @TakesBody('raw')
  @ApiOperation({
    operationId: 'receiveAppWebhook',
    summary: "Receive Meta's events for an app",
    description: "As for the environment's app, but signed with this app's secret, or its previous one in its grace.",
  })
  @ApiHeader({
    name: 'X-Hub-Signature-256',
    description: "HMAC-SHA256 of the raw body with the app's secret",
    example: 'sha256=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  })
  @ApiBody({ schema: { type: 'object', description: 'As Meta sends it', additionalProperties: true } })
  @ApiOkResponse({ type: WebhookReceivedResponse, description: 'The events are stored' })
  @ApiProblems(signatureInvalid, appNotFound)
  async receive(
    @Param('app_id') id: string,
    @Req() request: FastifyRequest,
    @Headers('x-hub-signature-256') signature: string | undefined,
    @RequestId() requestId: string,
  ): Promise<WebhookReceivedResponse> {
    return this.webhooks.receive(await this.find(id), request, signature, requestId);
  }

  @Post('deauthorize')
  @HttpCode(200)
  @WaitsForStandby({ isEnding: true })
  @ApiAppId()
  @TakesBody('form')
  @ApiConsumes(FORM)
  @ApiBody({ type: SignedRequestForm })
  @ApiOperation({
    operationId: 'deauthorizeAppUser',
    summary: "Receive Meta's report that a user removed an app",
    description: "Revokes the user's connections under this app before the answer.",
  })
  @ApiOkResponse({ type: DeauthorizationResponse, description: 'The connections are revoked' })
  @ApiProblems(signatureInvalid, appNotFound)
  async deauthorize(@Param('app_id') id: string, @Req() request: FastifyRequest): Promise<DeauthorizationResponse> {
    return this.signedRequests.deauthorize(await this.find(id), request);
  }

  @Post('data-deletion')
  @HttpCode(200)
  @WaitsForStandby({ isEnding: true })
  @ApiAppId()
  @TakesBody('form')
  @ApiConsumes(FORM)
  @ApiBody({ type: SignedRequestForm })
  @ApiOperation({
    operationId: 'deleteAppUserData',
    summary: "Receive an app user's request to delete their data",
    description: "As for the environment's app, for connections under this app.",
  })
  @ApiOkResponse({ type: DataDeletionResponse, description: 'What Meta shows the user' })
  @ApiProblems(signatureInvalid, appNotFound)
  async deleteData(@Param('app_id') id: string, @Req() request: FastifyRequest): Promise<DataDeletionResponse> {
    return this.signedRequests.deleteData(await this.find(id), request);
  }

  private async find(id: string): Promise<MetaApp> {
    const app = APP_ID.test(id) ? await this.apps.findOwn(id) : null;
    if (app === null) throw new AppError(appNotFound);
    return app;
  }
}
