import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { toActor } from '../../audit/actor.ts';
import type { AuthenticatedClient } from '../../auth/authenticated-client.ts';
import { CurrentClient, RequestId, Roles } from '../../auth/decorators.ts';
import { notAllowed, visibleProducts, visibleTenants } from '../../auth/policy/policy.ts';
import { PageRequest } from '../../platform/page-request.dto.ts';
import { decodeCursor, type Page, toPage } from '../../platform/paging.ts';
import { AppError } from '../../platform/problem.ts';
import { SubscriberUrlValidator } from '../subscribers/subscriber-url-validator.ts';
import { requesterOf, scopeOf } from './requester.ts';
import {
  type CreatedSubscriptionResponse,
  CreateSubscriptionRequest,
  type RotatedSecretResponse,
  RotateSecretRequest,
  type SubscriptionResponse,
  type SubscriptionTestResponse,
  toSubscriptionChange,
  toSubscriptionResponse,
  toSubscriptionTestResponse,
  UpdateSubscriptionRequest,
} from './subscription.dto.ts';
import { SubscriptionTester } from './subscription-tester.ts';
import { SubscriptionUpdater } from './subscription-updater.ts';
import { SubscriptionsService } from './subscriptions.service.ts';

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
  ) {}

  /** The response is the only one that shows the secret. */
  @Post()
  async create(
    @Body() request: CreateSubscriptionRequest,
    @CurrentClient() client: AuthenticatedClient,
    @RequestId() requestId: string,
  ): Promise<CreatedSubscriptionResponse> {
    const [tenants, products] = [request.tenants ?? null, request.products ?? null];
    requireWithin(tenants, visibleTenants(client));
    requireWithin(products, visibleProducts(client));
    await this.urls.validate(request.url);
    const by = { actor: toActor(client), requestId };
    const input = { url: request.url, events: request.events, tenants, products };
    const { subscription, secret } = await this.subscriptions.create(by, input);
    return { ...toSubscriptionResponse(subscription), secret: secret.expose() };
  }

  @Get()
  async list(
    @Query() { limit, cursor }: PageRequest,
    @CurrentClient() client: AuthenticatedClient,
  ): Promise<Page<SubscriptionResponse>> {
    const rows = await this.subscriptions.list(scopeOf(client), limit, decodeCursor(cursor));
    return toPage(rows, limit, toSubscriptionResponse);
  }

  @Get(':id')
  async get(@Param('id') id: string, @CurrentClient() client: AuthenticatedClient): Promise<SubscriptionResponse> {
    return toSubscriptionResponse(await this.subscriptions.get(id, scopeOf(client)));
  }

  /** Absent fields stay as they are. */
  @Patch(':id')
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
  async delete(
    @Param('id') id: string,
    @CurrentClient() client: AuthenticatedClient,
    @RequestId() requestId: string,
  ): Promise<void> {
    await this.subscriptions.delete(requesterOf(client, requestId), id);
  }

  /** Events wait until it is resumed. */
  @Post(':id/pause')
  @HttpCode(200)
  async pause(
    @Param('id') id: string,
    @CurrentClient() client: AuthenticatedClient,
    @RequestId() requestId: string,
  ): Promise<SubscriptionResponse> {
    return toSubscriptionResponse(await this.subscriptions.pause(requesterOf(client, requestId), id));
  }

  @Post(':id/resume')
  @HttpCode(200)
  async resume(
    @Param('id') id: string,
    @CurrentClient() client: AuthenticatedClient,
    @RequestId() requestId: string,
  ): Promise<SubscriptionResponse> {
    return toSubscriptionResponse(await this.subscriptions.resume(requesterOf(client, requestId), id));
  }

  /** Creates a new secret, shown only here. Older secrets keep signing until they expire. */
  @Post(':id/rotate-secret')
  async rotateSecret(
    @Param('id') id: string,
    @Body() { overlap_seconds }: RotateSecretRequest,
    @CurrentClient() client: AuthenticatedClient,
    @RequestId() requestId: string,
  ): Promise<RotatedSecretResponse> {
    const by = requesterOf(client, requestId);
    const { secret, previousExpiresAt } = await this.subscriptions.rotateSecret(by, id, overlap_seconds);
    return {
      secret: secret.expose(),
      overlap_seconds,
      previous_secrets_expire_at: previousExpiresAt.toISOString(),
    };
  }

  /** Sends one test request to the receiver and returns the outcome. */
  @Post(':id/test')
  @HttpCode(200)
  async test(@Param('id') id: string, @CurrentClient() client: AuthenticatedClient): Promise<SubscriptionTestResponse> {
    return toSubscriptionTestResponse(await this.tests.send(id, scopeOf(client)));
  }
}

/** An admin with a limited policy must name tenants and products within it; otherwise 403 `not_allowed`. */
function requireWithin(requested: readonly string[] | null, allowed: readonly string[] | null): void {
  if (allowed === null) return;
  if (requested === null || requested.some((each) => !allowed.includes(each))) throw new AppError(notAllowed);
}
