import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { actorOf } from '../../audit/actor.ts';
import type { Caller } from '../../auth/authenticated-client.ts';
import { CurrentCaller, RequestId, Roles } from '../../auth/decorators.ts';
import { notAllowed, visibleProducts, visibleTenants } from '../../auth/policy/policy.ts';
import type { Product } from '../../config/config.ts';
import { Clock } from '../../platform/clock.ts';
import { PageQuery } from '../../platform/page-request.dto.ts';
import { decodeCursor, type Page, toPage } from '../../platform/paging.ts';
import { AppError } from '../../platform/problem.ts';
import { DeliveryStore } from '../deliveries/delivery.repository.ts';
import { CheckSubscriberUrl } from './subscriber-url-validator.ts';
import { type Requester, type SubscriptionScope, SubscriptionStore } from './subscription.repository.ts';
import {
  CreateSubscriptionRequest,
  DeliveriesQuery,
  ReplayRequest,
  RotateSecretRequest,
  toReplayRange,
  toSubscriptionChange,
  UpdateSubscriptionRequest,
} from './subscription-request.dto.ts';
import {
  type DeliveryView,
  type SubscriptionView,
  type TestResultView,
  toDeliveryView,
  toSubscriptionView,
  toTestResultView,
} from './subscription-response.dto.ts';
import { TestSubscription } from './subscription-tester.ts';
import { SubscriptionChanges } from './subscription-updater.ts';

/** Who hears of events, and what became of each delivery. For admins only; it stands in this room because routes need roles. */
@ApiTags('events')
@Roles('admin')
@Controller('v1/subscriptions')
export class SubscriptionsController {
  constructor(
    private readonly subscriptions: SubscriptionStore,
    private readonly changes: SubscriptionChanges,
    private readonly deliveries: DeliveryStore,
    private readonly urls: CheckSubscriberUrl,
    private readonly tests: TestSubscription,
    private readonly clock: Clock,
  ) {}

  /** The secret is shown this once. */
  @Post()
  async create(
    @Body() request: CreateSubscriptionRequest,
    @CurrentCaller() caller: Caller,
    @RequestId() requestId: string,
  ): Promise<SubscriptionView & { secret: string }> {
    const [tenants, products] = [request.tenants ?? null, request.products ?? null];
    requireWithin(tenants, visibleTenants(caller));
    requireWithin(products, visibleProducts(caller));
    await this.urls.check(request.url);
    const by = { actor: actorOf(caller), requestId };
    const input = { url: request.url, events: request.events, tenants, products };
    const { subscription, secret } = await this.subscriptions.create(by, input);
    return { ...toSubscriptionView(subscription), secret: secret.expose() };
  }

  @Get()
  async list(@Query() { limit, cursor }: PageQuery, @CurrentCaller() caller: Caller): Promise<Page<SubscriptionView>> {
    const rows = await this.subscriptions.list(scopeOf(caller), limit, decodeCursor(cursor));
    return toPage(rows, limit, toSubscriptionView);
  }

  @Get(':id')
  async get(@Param('id') id: string, @CurrentCaller() caller: Caller): Promise<SubscriptionView> {
    return toSubscriptionView(await this.subscriptions.get(id, scopeOf(caller)));
  }

  /** What is absent stays. */
  @Patch(':id')
  async change(
    @Param('id') id: string,
    @Body() request: UpdateSubscriptionRequest,
    @CurrentCaller() caller: Caller,
    @RequestId() requestId: string,
  ): Promise<SubscriptionView> {
    const by = requesterOf(caller, requestId);
    const change = toSubscriptionChange(request);
    if (change.url !== undefined) await this.urls.check(change.url);
    await this.subscriptions.get(id, by.scope);
    if (change.tenants !== undefined) requireWithin(change.tenants, by.scope.tenants);
    if (change.products !== undefined) requireWithin(change.products, by.scope.products);
    return toSubscriptionView(await this.changes.change(by, id, change));
  }

  @Delete(':id')
  @HttpCode(204)
  async delete(
    @Param('id') id: string,
    @CurrentCaller() caller: Caller,
    @RequestId() requestId: string,
  ): Promise<void> {
    await this.subscriptions.delete(requesterOf(caller, requestId), id);
  }

  /** Its events wait. */
  @Post(':id/pause')
  @HttpCode(200)
  async pause(
    @Param('id') id: string,
    @CurrentCaller() caller: Caller,
    @RequestId() requestId: string,
  ): Promise<SubscriptionView> {
    return toSubscriptionView(await this.subscriptions.pause(requesterOf(caller, requestId), id));
  }

  @Post(':id/resume')
  @HttpCode(200)
  async resume(
    @Param('id') id: string,
    @CurrentCaller() caller: Caller,
    @RequestId() requestId: string,
  ): Promise<SubscriptionView> {
    return toSubscriptionView(await this.subscriptions.resume(requesterOf(caller, requestId), id));
  }

  /** A new secret, shown this once; both sign until the older one ends. */
  @Post(':id/rotate-secret')
  async rotateSecret(
    @Param('id') id: string,
    @Body() { overlap_seconds }: RotateSecretRequest,
    @CurrentCaller() caller: Caller,
    @RequestId() requestId: string,
  ): Promise<{ secret: string; overlap_seconds: number; previous_secrets_expire_at: string }> {
    const by = requesterOf(caller, requestId);
    const { secret, previousExpireAt } = await this.subscriptions.rotateSecret(by, id, overlap_seconds);
    return {
      secret: secret.expose(),
      overlap_seconds,
      previous_secrets_expire_at: previousExpireAt.toISOString(),
    };
  }

  /** One request to the receiver at once, and how it ended. */
  @Post(':id/test')
  @HttpCode(200)
  async test(@Param('id') id: string, @CurrentCaller() caller: Caller): Promise<TestResultView> {
    return toTestResultView(await this.tests.send(id, scopeOf(caller)));
  }

  /** The newest first. */
  @Get(':id/deliveries')
  async listDeliveries(
    @Param('id') id: string,
    @Query() { limit, cursor, status }: DeliveriesQuery,
    @CurrentCaller() caller: Caller,
  ): Promise<Page<DeliveryView>> {
    const filter = { status: status ?? null, limit, before: decodeCursor(cursor) };
    return toPage(await this.deliveries.list(id, scopeOf(caller), filter), limit, toDeliveryView);
  }

  /** All dead letters of a span of time, or what it asks for, once more. */
  @Post(':id/replay')
  @HttpCode(202)
  async replay(
    @Param('id') id: string,
    @Body() request: ReplayRequest,
    @CurrentCaller() caller: Caller,
    @RequestId() requestId: string,
  ): Promise<{ replayed: number }> {
    const range = toReplayRange(request, this.clock.now());
    return { replayed: await this.deliveries.replayRange(requesterOf(caller, requestId), id, range) };
  }
}

/** What a caller may see and change. */
export function scopeOf(caller: Caller): SubscriptionScope {
  return { tenants: visibleTenants(caller), products: visibleProducts(caller) as readonly Product[] | null };
}

/** A caller as the store wants it. */
export function requesterOf(caller: Caller, requestId: string): Requester {
  return { actor: actorOf(caller), requestId, scope: scopeOf(caller) };
}

/** An admin with a narrower policy must say for whom, and stay within it: 403 `not_allowed` otherwise. */
function requireWithin(asked: readonly string[] | null, allowed: readonly string[] | null): void {
  if (allowed === null) return;
  if (asked === null || asked.some((each) => !allowed.includes(each))) throw new AppError(notAllowed);
}
