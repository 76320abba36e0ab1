import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { AuthenticatedClient } from '../../auth/authenticated-client.ts';
import { CurrentClient, RequestId, Roles } from '../../auth/decorators.ts';
import { Clock } from '../../platform/clock.ts';
import { decodeCursor, type Page, toPage } from '../../platform/paging.ts';
import { requesterOf, scopeOf } from '../subscriptions/requester.ts';
import { DeliveriesService } from './deliveries.service.ts';
import {
  type DeliveryResponse,
  ListDeliveriesRequest,
  ReplayRequest,
  type ReplayResponse,
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

  /** Newest first. */
  @Get(':id/deliveries')
  async listDeliveries(
    @Param('id') id: string,
    @Query() { limit, cursor, status }: ListDeliveriesRequest,
    @CurrentClient() client: AuthenticatedClient,
  ): Promise<Page<DeliveryResponse>> {
    const filter = { status: status ?? null, limit, before: decodeCursor(cursor) };
    return toPage(await this.deliveries.list(id, scopeOf(client), filter), limit, toDeliveryResponse);
  }

  /** Replays a time range: dead letters unless the request names other statuses. */
  @Post(':id/replay')
  @HttpCode(202)
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
