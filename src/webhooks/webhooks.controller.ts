import { Controller, Get, Headers, HttpCode, Inject, Post, Req, Res } from '@nestjs/common';
import { ApiBody, ApiHeader, ApiOkResponse, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Public, RequestId } from '../auth/decorators.ts';
import { ImmediateInspectionService } from '../lifecycle/inspection/immediate-inspection.service.ts';
import { MetaApps } from '../meta/meta-apps.ts';
import { readWebhookSignature } from '../meta/webhooks/webhook-signature.ts';
import { readRawBody, TakesBody } from '../platform/http-server/request-body.ts';
import { LOGGER, type Pino } from '../platform/logger.ts';
import { ApiProblems } from '../platform/openapi/api-problems.ts';
import { PLAIN_TEXT } from '../platform/openapi/media-types.ts';
import { AppError, invalidRequest } from '../platform/problem.ts';
import { SignatureRejections } from './signature-rejections.ts';
import { splitWebhook } from './split-webhook.ts';
import { verifyHandshake } from './verify-handshake.ts';
import { WebhookReceivedResponse } from './webhook.dto.ts';
import { WebhookIngestService } from './webhook-ingest.service.ts';
import { WebhookMetrics } from './webhook-metrics.ts';
import { handshakeRefused, signatureInvalid } from './webhook-problems.ts';

/** Receives Meta's events (docs/meta-facts.md#webhooks-of-meta). */
@ApiTags('meta')
@Public()
@Controller('webhooks/meta')
export class WebhooksController {
  constructor(
    private readonly ingest: WebhookIngestService,
    private readonly rejections: SignatureRejections,
    private readonly inspection: ImmediateInspectionService,
    private readonly metrics: WebhookMetrics,
    private readonly apps: MetaApps,
    @Inject(LOGGER) private readonly logger: Pino,
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
    const query = (request.query ?? {}) as Record<string, unknown>;
    const challenge = verifyHandshake(query, this.apps.primary.config.webhookVerifyToken);
    if (challenge === null) throw new AppError(handshakeRefused);
    reply.type('text/plain; charset=utf-8').header('cache-control', 'no-store');
    return challenge;
  }

  /**
   * Answers 200 only once everything is committed. Our failures are 5xx, so that Meta sends again. A signed body that
   * is not JSON gets 400 and is not stored; Meta sends that again too, so nothing is lost if a proxy garbled it.
   */
  @Post()
  @HttpCode(200)
  @TakesBody('raw')
  @ApiOperation({
    operationId: 'receiveMetaWebhook',
    summary: "Receive Meta's events",
    description:
      'Answers 200 once everything is stored. Its entries go on to subscribers as `meta.webhook`. A repeat of an entry ' +
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
  async receive(
    @Req() request: FastifyRequest,
    @Headers('x-hub-signature-256') signature: string | undefined,
    @RequestId() requestId: string,
  ): Promise<WebhookReceivedResponse> {
    const expected = readWebhookSignature(signature, this.apps.signers);
    // Don't even read the body of an unsigned call.
    if (expected === null) throw await this.rejections.signature('webhook', requestId);
    const body = await readRawBody(request, (chunk) => expected.update(chunk));
    const signedBy = expected.signers();
    if (signedBy.length === 0) throw await this.rejections.signature('webhook', requestId);
    const entries = splitWebhook(body);
    if (entries === null) {
      this.metrics.callback('webhook', 'malformed');
      this.logger.warn({ request_id: requestId, bytes: body.length }, 'a signed webhook is not JSON');
      throw new AppError(invalidRequest, { detail: 'The body is signed but is not a JSON object in UTF-8.' });
    }
    if (entries.some(({ appId }) => this.isAnotherAppOfOurs(appId, signedBy)))
      throw await this.rejections.signature('webhook', requestId);
    const { verificationCount } = await this.ingest.ingest(entries, signedBy);
    this.metrics.callback('webhook', 'accepted');
    if (verificationCount > 0) this.inspection.trigger();
    return { success: true };
  }

  /** Each app speaks only for itself: one app's secret proves nothing about a body in another's name. */
  private isAnotherAppOfOurs(appId: string | null, signedBy: readonly string[]): boolean {
    return appId !== null && this.apps.appIds.includes(appId) && !signedBy.includes(appId);
  }
}
