import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { AuthenticatedClient } from '../../auth/authenticated-client.ts';
import { CurrentClient, RequestId, Roles } from '../../auth/decorators.ts';
import { Clock } from '../../platform/clock.ts';
import { ApiPage } from '../../platform/openapi/api-page.ts';
import { ApiProblems } from '../../platform/openapi/api-problems.ts';
import { decodeCursor, type Page, toPage } from '../../platform/paging.ts';
import { ApiSubscriptionId } from '../subscriptions/api-subscription-id.ts';
import { requesterOf, scopeOf } from '../subscriptions/requester.ts';
import { subscriptionNotFound } from '../subscriptions/subscriptions.service.ts';
import { DeliveriesService, subscriptionEnded } from './deliveries.service.ts';
import {
  DeliveryResponse,
  ListDeliveriesRequest,
  ReplayRequest,
  ReplayResponse,
  toDeliveryResponse,
  toReplayRange,
} from './delivery.dto.ts';

/** One subscription's deliveries, for admins only. */
@ApiTags('events')
@Roles('admin')
@Controller('v1/subscriptions')
export class SubscriptionDeliveriesController {
  constructor(
    private readonly deliveries: DeliveriesService,
    private readonly clock: Clock,
  ) {}

  @Get(':id/deliveries')
  @ApiSubscriptionId()
  @ApiOperation({
    operationId: 'listDeliveries',
    summary: 'List the deliveries of a subscription, newest first',
    description: 'Filter by `status=dead` for what was given up.',
  })
  @ApiPage(DeliveryResponse, 'Deliveries')
  @ApiProblems(subscriptionNotFound)
  async listDeliveries(
    @Param('id') id: string,
    @Query() { limit, cursor, status }: ListDeliveriesRequest,
    @CurrentClient() client: AuthenticatedClient,
  ): Promise<Page<DeliveryResponse>> {
    const filter = { status: status ?? null, limit, before: decodeCursor(cursor) };
    return toPage(await this.deliveries.list(id, scopeOf(client), filter), limit, toDeliveryResponse);
  }

  @Post(':id/replay')
  @HttpCode(202)
  @ApiSubscriptionId()
  @ApiOperation({
    operationId: 'replayDeliveries',
    summary: 'Send the deliveries of a time span again',
    description:
      'Dead letters, unless the request names other statuses. Leaves out what the subscription no longer receives, and ' +
      'events whose data is gone.',
  })
  @ApiAcceptedResponse({ type: ReplayResponse, description: 'How many deliveries are pending again' })
  @ApiProblems(subscriptionNotFound, subscriptionEnded)
  async replay(
    @Param('id') id: string,
    @Body() request: ReplayRequest,
    @CurrentClient() client: AuthenticatedClient,
    @RequestId() requestId: string,
  ): Promise<ReplayResponse> {
    const range = toReplayRange(request, this.clock.now());
    return { replayed: await this.deliveries.replayRange(requesterOf(client, requestId), id, range) };
  }
}
