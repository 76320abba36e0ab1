import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Config } from '../../config/config.ts';
import type { MetaApp } from '../../meta/meta-apps.ts';
import { Clock } from '../../platform/clock.ts';
import { invalidInputError } from '../../platform/problem.ts';
import { SignatureRejections } from '../signature-rejections.ts';
import { WebhookMetrics } from '../webhook-metrics.ts';
import { type AcceptedPrivacyRequest, PrivacyRequestService } from './privacy-request.service.ts';
import type { PrivacyRequestKind } from './privacy-request-mac.ts';
import { PrivacyRequestProcessor } from './privacy-request-processor.ts';
import type { DataDeletionResponse, DeauthorizationResponse } from './signed-requests.dto.ts';
import { verifySignedRequest } from './verify-signed-request.ts';
import { whyNoCallback } from './why-no-callback.ts';

/**
 * Receives one app's reports that a user removed it or wants their data deleted
 * (docs/meta-facts.md#deauthorization-and-deletion). Only that app's secrets are accepted.
 */
@Injectable()
export class SignedRequestReceiver {
  constructor(
    private readonly requests: PrivacyRequestService,
    private readonly processor: PrivacyRequestProcessor,
    private readonly rejections: SignatureRejections,
    private readonly metrics: WebhookMetrics,
    private readonly config: Config,
    private readonly clock: Clock,
  ) {}

  /** Throws `signature_invalid`, and 400 for anything that is not a report. */
  async deauthorize(app: MetaApp, request: FastifyRequest): Promise<DeauthorizationResponse> {
    await this.accept('deauthorize', app, request);
    return { success: true };
  }

  /** Throws `signature_invalid`, and 400 for anything that is not a request. */
  async deleteData(app: MetaApp, request: FastifyRequest): Promise<DataDeletionResponse> {
    const { confirmationCode: code } = await this.accept('data_deletion', app, request);
    if (code === null) throw this.malformed('data_deletion', 'signed_request', 'was answered long ago');
    return { url: `${this.config.publicUrl}/data-deletion/${code}`, confirmation_code: code };
  }

  private async accept(
    kind: PrivacyRequestKind,
    app: MetaApp,
    request: FastifyRequest,
  ): Promise<AcceptedPrivacyRequest> {
    const { signed_request: text } = (request.body ?? {}) as Record<string, unknown>;
    if (typeof text !== 'string' || text === '') throw this.malformed(kind, 'signed_request', 'is missing');
    const verified = verifySignedRequest(text, app);
    const requestId = String(request.id);
    if (!verified.ok) throw await this.rejections.signature(kind, requestId);
    const { userId, issuedAt } = verified.request;
    if (userId === null || !/^[A-Za-z0-9_]{1,64}$/.test(userId)) {
      throw this.malformed(kind, 'signed_request', 'names no user');
    }
    const payload = text.slice(text.indexOf('.') + 1);
    const refusal = whyNoCallback(verified.request, this.clock.now());
    // A repeat gets the first answer, no matter how late.
    if (refusal !== null && (await this.requests.findEarlier(kind, payload)) === null)
      throw this.malformed(kind, 'signed_request', refusal);
    const accepted = await this.requests.accept({
      kind,
      payload,
      apps: verified.apps,
      metaUserId: userId,
      issuedAt,
      requestId,
    });
    await this.processor.execute(accepted);
    this.metrics.callback(kind, 'accepted');
    return accepted;
  }

  private malformed(kind: PrivacyRequestKind, path: string, message: string): Error {
    this.metrics.callback(kind, 'malformed');
    return invalidInputError(path, message);
  }
}
