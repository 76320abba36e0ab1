import { Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { ImmediateInspectionService } from '../lifecycle/inspection/immediate-inspection.service.ts';
import type { MetaApp } from '../meta/meta-apps.ts';
import { readWebhookSignature } from '../meta/webhooks/webhook-signature.ts';
import { readRawBody } from '../platform/http-server/request-body.ts';
import { LOGGER, type Pino } from '../platform/logger.ts';
import { AppError, invalidRequest } from '../platform/problem.ts';
import { SignatureRejections } from './signature-rejections.ts';
import { splitWebhook } from './split-webhook.ts';
import { verifyHandshake } from './verify-handshake.ts';
import type { WebhookReceivedResponse } from './webhook.dto.ts';
import { WebhookIngestService } from './webhook-ingest.service.ts';
import { WebhookMetrics } from './webhook-metrics.ts';
import { handshakeRefused } from './webhook-problems.ts';

/** Receives Meta's events for one app (docs/meta-facts.md#webhooks-of-meta). Only that app's secrets are accepted. */
@Injectable()
export class WebhookReceiver {
  constructor(
    private readonly ingest: WebhookIngestService,
    private readonly rejections: SignatureRejections,
    private readonly inspection: ImmediateInspectionService,
    private readonly metrics: WebhookMetrics,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {}

  /** Returns the challenge of Meta's handshake. Throws `handshake_refused` without the app's verify token. */
  shakeHands(app: MetaApp, request: FastifyRequest): string {
    const query = (request.query ?? {}) as Record<string, unknown>;
    const challenge = verifyHandshake(query, app.config.webhookVerifyToken);
    if (challenge === null) throw new AppError(handshakeRefused);
    return challenge;
  }

  /**
   * Resolves only once everything is committed. Our failures are 5xx, so that Meta sends again. A signed body that is
   * not JSON gets 400 and is not stored; Meta sends that again too, so nothing is lost if a proxy garbled it.
   */
  async receive(
    app: MetaApp,
    request: FastifyRequest,
    signature: string | undefined,
    requestId: string,
  ): Promise<WebhookReceivedResponse> {
    const expected = readWebhookSignature(signature, app.signers);
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
    if (entries.some(({ appId }) => isAnotherApp(app, appId, signedBy)))
      throw await this.rejections.signature('webhook', requestId);
    const { verificationCount } = await this.ingest.ingest(entries, app, signedBy);
    this.metrics.callback('webhook', 'accepted');
    if (verificationCount > 0) this.inspection.trigger();
    return { success: true };
  }
}

/** Each app speaks only for itself: one app's secret proves nothing about a body in another's name. */
function isAnotherApp(app: MetaApp, appId: string | null, signedBy: readonly string[]): boolean {
  return appId !== null && app.appIds.includes(appId) && !signedBy.includes(appId);
}
