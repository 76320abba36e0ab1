import { Controller, HttpCode, Post, Req } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { Public } from '../../auth/decorators.ts';
import { Config } from '../../config/config.ts';
import { WaitsForStandby } from '../../database/standby/waits-for-standby.ts';
import { MetaApps } from '../../meta/meta-apps.ts';
import { Clock } from '../../platform/clock.ts';
import { TakesBody } from '../../platform/http-server/request-body.ts';
import { ApiProblems } from '../../platform/openapi/api-problems.ts';
import { invalidInputError } from '../../platform/problem.ts';
import { SignatureRejections } from '../signature-rejections.ts';
import { WebhookMetrics } from '../webhook-metrics.ts';
import { signatureInvalid } from '../webhook-problems.ts';
import { type AcceptedPrivacyRequest, PrivacyRequestService } from './privacy-request.service.ts';
import type { PrivacyRequestKind } from './privacy-request-mac.ts';
import { PrivacyRequestProcessor } from './privacy-request-processor.ts';
import { DataDeletionResponse, DeauthorizationResponse, SignedRequestForm } from './signed-requests.dto.ts';
import { verifySignedRequest } from './verify-signed-request.ts';
import { whyNoCallback } from './why-no-callback.ts';

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
    private readonly requests: PrivacyRequestService,
    private readonly processor: PrivacyRequestProcessor,
    private readonly rejections: SignatureRejections,
    private readonly metrics: WebhookMetrics,
    private readonly config: Config,
    private readonly apps: MetaApps,
    private readonly clock: Clock,
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
  async deauthorize(@Req() request: FastifyRequest): Promise<DeauthorizationResponse> {
    await this.accept('deauthorize', request);
    return { success: true };
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
  async deleteData(@Req() request: FastifyRequest): Promise<DataDeletionResponse> {
    const { confirmationCode: code } = await this.accept('data_deletion', request);
    if (code === null) throw this.malformed('data_deletion', 'signed_request', 'was answered long ago');
    return { url: `${this.config.publicUrl}/data-deletion/${code}`, confirmation_code: code };
  }

  private async accept(kind: PrivacyRequestKind, request: FastifyRequest): Promise<AcceptedPrivacyRequest> {
    const { signed_request: text } = (request.body ?? {}) as Record<string, unknown>;
    if (typeof text !== 'string' || text === '') throw this.malformed(kind, 'signed_request', 'is missing');
    const verified = verifySignedRequest(text, this.apps.all);
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
