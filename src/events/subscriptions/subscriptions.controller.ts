import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { toActor } from '../../audit/actor.ts';
import type { AuthenticatedClient } from '../../auth/authenticated-client.ts';
import { CurrentClient, RequestId, Roles } from '../../auth/decorators.ts';
import { notAllowed, visibleProducts, visibleTenants } from '../../auth/policy/policy.ts';
import type { Product } from '../../config/config.ts';
import { Clock } from '../../platform/clock.ts';
import { PageRequest } from '../../platform/page-request.dto.ts';
import { decodeCursor, type Page, toPage } from '../../platform/paging.ts';
import { AppError } from '../../platform/problem.ts';
import { DeliveriesService } from '../deliveries/deliveries.service.ts';
import { SubscriberUrlValidator } from '../subscribers/subscriber-url-validator.ts';
import {
  CreateSubscriptionRequest,
  DeliveriesQuery,
  ReplayRequest,
  RotateSecretRequest,
  toReplayRange,
  toSubscriptionChange,
  UpdateSubscriptionRequest,
} from './subscription.dto.ts';
import {
  type DeliveryResponse,
  type SubscriptionResponse,
  type SubscriptionTestResponse,
  toDeliveryResponse,
  toSubscriptionResponse,
  toSubscriptionTestResponse,
} from './subscription-response.dto.ts';
import { SubscriptionTester } from './subscription-tester.ts';
import { SubscriptionUpdater } from './subscription-updater.ts';
import { type Requester, type SubscriptionScope, SubscriptionsService } from './subscriptions.service.ts';

/** Who hears of events, and what became of each delivery. For admins only; it stands in this room because routes need roles. */
@ApiTags('events')
@Roles('admin')
@Controller('v1/subscriptions')
export class SubscriptionsController {
  constructor(
    private readonly subscriptions: SubscriptionsService,
    private readonly changes: SubscriptionUpdater,
    private readonly deliveries: DeliveriesService,
    private readonly urls: SubscriberUrlValidator,
    private readonly tests: SubscriptionTester,
    private readonly clock: Clock,
  ) {}

  /** The secret is shown this once. */
  @Post()
  async create(
    @Body() request: CreateSubscriptionRequest,
    @CurrentClient() client: AuthenticatedClient,
    @RequestId() requestId: string,
  ): Promise<SubscriptionResponse & { secret: string }> {
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

  /** What is absent stays. */
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

  /** Its events wait. */
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

  /** A new secret, shown this once; both sign until the older one ends. */
  @Post(':id/rotate-secret')
  async rotateSecret(
    @Param('id') id: string,
    @Body() { overlap_seconds }: RotateSecretRequest,
    @CurrentClient() client: AuthenticatedClient,
    @RequestId() requestId: string,
  ): Promise<{ secret: string; overlap_seconds: number; previous_secrets_expire_at: string }> {
    const by = requesterOf(client, requestId);
    const { secret, previousExpiresAt } = await this.subscriptions.rotateSecret(by, id, overlap_seconds);
    return {
      secret: secret.expose(),
      overlap_seconds,
      previous_secrets_expire_at: previousExpiresAt.toISOString(),
    };
  }

  /** One request to the receiver at once, and how it ended. */
  @Post(':id/test')
  @HttpCode(200)
  async test(@Param('id') id: string, @CurrentClient() client: AuthenticatedClient): Promise<SubscriptionTestResponse> {
    return toSubscriptionTestResponse(await this.tests.send(id, scopeOf(client)));
  }

  /** The newest first. */
  @Get(':id/deliveries')
  async listDeliveries(
    @Param('id') id: string,
    @Query() { limit, cursor, status }: DeliveriesQuery,
    @CurrentClient() client: AuthenticatedClient,
  ): Promise<Page<DeliveryResponse>> {
    const filter = { status: status ?? null, limit, before: decodeCursor(cursor) };
    return toPage(await this.deliveries.list(id, scopeOf(client), filter), limit, toDeliveryResponse);
  }

  /** All dead letters of a span of time, or what it asks for, once more. */
  @Post(':id/replay')
  @HttpCode(202)
  async replay(
    @Param('id') id: string,
    @Body() request: ReplayRequest,
    @CurrentClient() client: AuthenticatedClient,
    @RequestId() requestId: string,
  ): Promise<{ replayed: number }> {
    const range = toReplayRange(request, this.clock.now());
    return { replayed: await this.deliveries.replayRange(requesterOf(client, requestId), id, range) };
  }
}

/** What a caller may see and change. */
export function scopeOf(client: AuthenticatedClient): SubscriptionScope {
  return { tenants: visibleTenants(client), products: visibleProducts(client) as readonly Product[] | null };
}

/** A caller as the store wants it. */
export function requesterOf(client: AuthenticatedClient, requestId: string): Requester {
  return { actor: toActor(client), requestId, scope: scopeOf(client) };
}

/** An admin with a narrower policy must say for whom, and stay within it: 403 `not_allowed` otherwise. */
function requireWithin(asked: readonly string[] | null, allowed: readonly string[] | null): void {
  if (allowed === null) return;
  if (asked === null || asked.some((each) => !allowed.includes(each))) throw new AppError(notAllowed);
}
