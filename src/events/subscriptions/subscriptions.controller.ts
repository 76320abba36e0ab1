import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { toActor } from '../../audit/actor.ts';
import type { AuthenticatedClient } from '../../auth/authenticated-client.ts';
import { CurrentClient, RequestId, Roles } from '../../auth/decorators.ts';
import { notAllowed, visibleProducts, visibleTenants } from '../../auth/policy/policy.ts';
import { WaitsForStandby } from '../../database/standby/waits-for-standby.ts';
import { ApiIdempotencyKey } from '../../idempotency/api-idempotency-key.ts';
import { IdempotencyService } from '../../idempotency/idempotency.service.ts';
import { idempotencyKeyReused } from '../../idempotency/idempotency-problems.ts';
import { Idempotent, type IdempotentCall } from '../../idempotency/idempotent-call.ts';
import { ApiPage } from '../../platform/openapi/api-page.ts';
import { ApiProblems } from '../../platform/openapi/api-problems.ts';
import { PageRequest } from '../../platform/page-request.dto.ts';
import { decodeCursor, type Page, toPage } from '../../platform/paging.ts';
import { AppError, serviceUnavailable } from '../../platform/problem.ts';
import { SubscriberUrlValidator } from '../subscribers/subscriber-url-validator.ts';
import { ApiSubscriptionId } from './api-subscription-id.ts';
import { requesterOf, scopeOf } from './requester.ts';
import {
  CreateSubscriptionRequest,
  RotateSecretRequest,
  toSubscriptionChange,
  UpdateSubscriptionRequest,
} from './subscription.dto.ts';
import {
  CreatedSubscriptionResponse,
  RotatedSecretResponse,
  SubscriptionResponse,
  SubscriptionTestResponse,
  toSubscriptionResponse,
  toSubscriptionTestResponse,
} from './subscription-response.dto.ts';
import { SubscriptionTester } from './subscription-tester.ts';
import { SubscriptionUpdater } from './subscription-updater.ts';
import { type CreatedSubscription, SubscriptionsService, subscriptionNotFound } from './subscriptions.service.ts';

/** Event subscriptions, for admins only. */
@ApiTags('events')
@Roles('admin')
@Controller('v1/subscriptions')
export class SubscriptionsController {
  constructor(
    private readonly subscriptions: SubscriptionsService,
    private readonly changes: SubscriptionUpdater,
    private readonly urls: SubscriberUrlValidator,
    private readonly tests: SubscriptionTester,
    private readonly idempotency: IdempotencyService,
  ) {}

  @Post()
  @ApiOperation({
    operationId: 'createSubscription',
    summary: 'Subscribe to events',
    description:
      'Everything committed from now on is delivered. The receiver should verify signatures with the secret, which only ' +
      'this answer shows. An admin with a limited policy must name tenants and products within it.',
  })
  @ApiCreatedResponse({ type: CreatedSubscriptionResponse, description: 'The subscription, with its signing secret' })
  @ApiIdempotencyKey()
  @ApiProblems(notAllowed, idempotencyKeyReused)
  create(
    @Body() request: CreateSubscriptionRequest,
    @CurrentClient() client: AuthenticatedClient,
    @RequestId() requestId: string,
    @Idempotent() call: IdempotentCall,
  ): Promise<CreatedSubscriptionResponse> {
    const [tenants, products] = [request.tenants ?? null, request.products ?? null];
    requireWithin(tenants, visibleTenants(client));
    requireWithin(products, visibleProducts(client));
    const by = { actor: toActor(client), requestId };
    const input = { url: request.url, events: request.events, tenants, products };
    return this.idempotency.create(
      call,
      async (transact) => {
        await this.urls.validate(request.url);
        return this.subscriptions.create(by, input, transact);
      },
      ({ subscription, secret }: CreatedSubscription) => ({
        location: `/v1/subscriptions/${subscription.id}`,
        body: { ...toSubscriptionResponse(subscription), secret: secret.expose() },
      }),
    );
  }

  @Get()
  @ApiOperation({
    operationId: 'listSubscriptions',
    summary: 'List subscriptions',
    description: 'Those within the policy of the caller.',
  })
  @ApiPage(SubscriptionResponse, 'Subscriptions')
  async list(
    @Query() { limit, cursor }: PageRequest,
    @CurrentClient() client: AuthenticatedClient,
  ): Promise<Page<SubscriptionResponse>> {
    const rows = await this.subscriptions.list(scopeOf(client), limit, decodeCursor(cursor));
    return toPage(rows, limit, toSubscriptionResponse);
  }

  @Get(':id')
  @ApiSubscriptionId()
  @ApiOperation({
    operationId: 'getSubscription',
    summary: 'Get a subscription',
    description: 'Never shows its secret.',
  })
  @ApiOkResponse({ type: SubscriptionResponse, description: 'The subscription' })
  @ApiProblems(subscriptionNotFound)
  async get(@Param('id') id: string, @CurrentClient() client: AuthenticatedClient): Promise<SubscriptionResponse> {
    return toSubscriptionResponse(await this.subscriptions.get(id, scopeOf(client)));
  }

  @Patch(':id')
  @ApiSubscriptionId()
  @ApiOperation({
    operationId: 'updateSubscription',
    summary: 'Change a subscription',
    description: 'Absent fields stay as they are. Deliveries that no longer match are not sent.',
  })
  @ApiOkResponse({ type: SubscriptionResponse, description: 'The subscription as it is now' })
  @ApiProblems(subscriptionNotFound, notAllowed)
  async change(
    @Param('id') id: string,
    @Body() request: UpdateSubscriptionRequest,
    @CurrentClient() client: AuthenticatedClient,
    @RequestId() requestId: string,
  ): Promise<SubscriptionResponse> {
    const by = requesterOf(client, requestId);
    const change = toSubscriptionChange(request);
    if (change.url !== undefined) await this.urls.validate(change.url);
    await this.subscriptions.get(id, by.scope);
    if (change.tenants !== undefined) requireWithin(change.tenants, by.scope.tenants);
    if (change.products !== undefined) requireWithin(change.products, by.scope.products);
    return toSubscriptionResponse(await this.changes.change(by, id, change));
  }

  @Delete(':id')
  @HttpCode(204)
  @WaitsForStandby({ isEnding: true })
  @ApiSubscriptionId()
  @ApiOperation({
    operationId: 'deleteSubscription',
    summary: 'Delete a subscription',
    description: 'Pending deliveries are dropped. Deleting it again is 204, too.',
  })
  @ApiNoContentResponse({ description: 'The subscription is deleted' })
  @ApiProblems(subscriptionNotFound)
  async delete(
    @Param('id') id: string,
    @CurrentClient() client: AuthenticatedClient,
    @RequestId() requestId: string,
  ): Promise<void> {
    await this.subscriptions.delete(requesterOf(client, requestId), id);
  }

  @Post(':id/pause')
  @HttpCode(200)
  @ApiSubscriptionId()
  @ApiOperation({
    operationId: 'pauseSubscription',
    summary: 'Hold back deliveries',
    description: 'Events wait until the subscription is resumed.',
  })
  @ApiOkResponse({ type: SubscriptionResponse, description: 'The paused subscription' })
  @ApiProblems(subscriptionNotFound)
  async pause(
    @Param('id') id: string,
    @CurrentClient() client: AuthenticatedClient,
    @RequestId() requestId: string,
  ): Promise<SubscriptionResponse> {
    return toSubscriptionResponse(await this.subscriptions.pause(requesterOf(client, requestId), id));
  }

  @Post(':id/resume')
  @HttpCode(200)
  @ApiSubscriptionId()
  @ApiOperation({
    operationId: 'resumeSubscription',
    summary: 'Deliver again',
    description: 'Also revives a subscription that has ended; events of the time in between are lost then.',
  })
  @ApiOkResponse({ type: SubscriptionResponse, description: 'The active subscription' })
  @ApiProblems(subscriptionNotFound)
  async resume(
    @Param('id') id: string,
    @CurrentClient() client: AuthenticatedClient,
    @RequestId() requestId: string,
  ): Promise<SubscriptionResponse> {
    return toSubscriptionResponse(await this.subscriptions.resume(requesterOf(client, requestId), id));
  }

  @Post(':id/rotate-secret')
  @ApiSubscriptionId()
  @ApiOperation({
    operationId: 'rotateSubscriptionSecret',
    summary: 'Create a new signing secret',
    description: 'Older secrets keep signing alongside it for the overlap. Only this answer shows the new one.',
  })
  @ApiCreatedResponse({ type: RotatedSecretResponse, description: 'The new secret' })
  @ApiProblems(subscriptionNotFound)
  async rotateSecret(
    @Param('id') id: string,
    @Body() { overlap_seconds }: RotateSecretRequest,
    @CurrentClient() client: AuthenticatedClient,
    @RequestId() requestId: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<RotatedSecretResponse> {
    const by = requesterOf(client, requestId);
    const { secret, previousExpiresAt } = await this.subscriptions.rotateSecret(by, id, overlap_seconds);
    // The secret has no address of its own.
    reply.header('location', `/v1/subscriptions/${id}`);
    return {
      secret: secret.expose(),
      overlap_seconds,
      previous_secrets_expire_at: previousExpiresAt.toISOString(),
    };
  }

  @Post(':id/test')
  @HttpCode(200)
  @ApiSubscriptionId()
  @ApiOperation({
    operationId: 'testSubscription',
    summary: 'Send a test event',
    description:
      'Sends one signed `subscription.test` to the receiver now, and returns the outcome. It is not repeated.',
  })
  @ApiOkResponse({ type: SubscriptionTestResponse, description: 'What the receiver did' })
  @ApiProblems(subscriptionNotFound, serviceUnavailable)
  async test(@Param('id') id: string, @CurrentClient() client: AuthenticatedClient): Promise<SubscriptionTestResponse> {
    return toSubscriptionTestResponse(await this.tests.send(id, scopeOf(client)));
  }
}

/** An admin with a limited policy must name tenants and products within it; otherwise 403 `not_allowed`. */
function requireWithin(requested: readonly string[] | null, allowed: readonly string[] | null): void {
  if (allowed === null) return;
  if (requested === null || requested.some((each) => !allowed.includes(each))) throw new AppError(notAllowed);
}
