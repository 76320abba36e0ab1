import { Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { AuthenticatedClient } from '../../auth/authenticated-client.ts';
import { CurrentClient, RequestId, Roles } from '../../auth/decorators.ts';
import { requesterOf, scopeOf } from '../subscriptions/requester.ts';
import { DeliveriesService } from './deliveries.service.ts';
import { type DeliveryResponse, toDeliveryResponse } from './delivery.dto.ts';

/** Single deliveries, for admins only. */
@ApiTags('events')
@Roles('admin')
@Controller('v1/deliveries')
export class DeliveriesController {
  constructor(private readonly deliveries: DeliveriesService) {}

  @Get(':id')
  async get(@Param('id') id: string, @CurrentClient() client: AuthenticatedClient): Promise<DeliveryResponse> {
    return toDeliveryResponse(await this.deliveries.get(id, scopeOf(client)));
  }

  /** Replays one delivery at once under the same `webhook-id`. */
  @Post(':id/replay')
  @HttpCode(202)
  async replay(
    @Param('id') id: string,
    @CurrentClient() client: AuthenticatedClient,
    @RequestId() requestId: string,
  ): Promise<DeliveryResponse> {
    return toDeliveryResponse(await this.deliveries.replay(requesterOf(client, requestId), id));
  }
}
