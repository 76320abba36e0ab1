import { Controller, Get, Headers, HttpCode, Post, Req, Res } from '@nestjs/common';
import { ApiBody, ApiHeader, ApiOkResponse, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Public, RequestId } from '../auth/decorators.ts';
import { MetaApps } from '../meta/meta-apps.ts';
import { TakesBody } from '../platform/http-server/request-body.ts';
import { ApiProblems } from '../platform/openapi/api-problems.ts';
import { PLAIN_TEXT } from '../platform/openapi/media-types.ts';
import { WebhookReceivedResponse } from './webhook.dto.ts';
import { handshakeRefused, signatureInvalid } from './webhook-problems.ts';
import { WebhookReceiver } from './webhook-receiver.ts';

/** Receives Meta's events for the environment's app (docs/meta-facts.md#webhooks-of-meta). */
@ApiTags('meta')
@Public()
@Controller('webhooks/meta')
export class WebhooksController {
  constructor(
    private readonly receiver: WebhookReceiver,
    private readonly apps: MetaApps,
  ) {}

  @Get()
  @ApiOperation({
    operationId: 'confirmMetaWebhook',
    summary: "Answer Meta's handshake",
    description: 'Meta sends it when the webhook is set up. Returns `hub.challenge` if `hub.verify_token` is right.',
  })
  @ApiQuery({ name: 'hub.mode', description: 'Always `subscribe`', example: 'subscribe' })
  @ApiQuery({ name: 'hub.challenge', description: 'What to return', example: '1158201444' })
  @ApiQuery({ name: 'hub.verify_token', description: 'META_WEBHOOK_VERIFY_TOKEN', example: 'a-secret-of-yours' })
  @ApiOkResponse({ description: 'The challenge', content: PLAIN_TEXT })
  @ApiProblems(handshakeRefused)
  handshake(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): string {
    const challenge = this.receiver.shakeHands(this.apps.primary, request);
    reply.type('text/plain; charset=utf-8').header('cache-control', 'no-store');
    return challenge;
  }

  @Post()
  @HttpCode(200)
  @TakesBody('raw')
  @ApiOperation({
    operationId: 'receiveMetaWebhook',
    summary: "Receive Meta's events",
    description:
      'Answers 200 once everything is stored. Its entries are forwarded to subscribers as `meta.webhook`. A repeat of an entry ' +
      'within 8 days is dropped.',
  })
  @ApiHeader({
    name: 'X-Hub-Signature-256',
    description: 'HMAC-SHA256 of the raw body with the app secret',
    example: 'sha256=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  })
  @ApiBody({ schema: { type: 'object', description: 'As Meta sends it', additionalProperties: true } })
  @ApiOkResponse({ type: WebhookReceivedResponse, description: 'The events are stored' })
  @ApiProblems(signatureInvalid)
  receive(
    @Req() request: FastifyRequest,
    @Headers('x-hub-signature-256') signature: string | undefined,
    @RequestId() requestId: string,
  ): Promise<WebhookReceivedResponse> {
    return this.receiver.receive(this.apps.primary, request, signature, requestId);
  }
}
