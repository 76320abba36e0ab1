import { Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Caller } from '../../auth/authenticated-client.ts';
import { CurrentCaller, RequestId, Roles } from '../../auth/decorators.ts';
import { type DeliveryView, toDeliveryView } from '../subscriptions/subscription-response.dto.ts';
import { requesterOf, scopeOf } from '../subscriptions/subscriptions.controller.ts';
import { DeliveryStore } from './delivery.repository.ts';

/** Single deliveries. For admins only. */
@ApiTags('events')
@Roles('admin')
@Controller('v1/deliveries')
export class DeliveriesController {
  constructor(private readonly deliveries: DeliveryStore) {}

  @Get(':id')
  async get(@Param('id') id: string, @CurrentCaller() caller: Caller): Promise<DeliveryView> {
    return toDeliveryView(await this.deliveries.get(id, scopeOf(caller)));
  }

  /** Once more, at once, under the same `webhook-id`. */
  @Post(':id/replay')
  @HttpCode(202)
  async replay(
    @Param('id') id: string,
    @CurrentCaller() caller: Caller,
    @RequestId() requestId: string,
  ): Promise<DeliveryView> {
    return toDeliveryView(await this.deliveries.replay(requesterOf(caller, requestId), id));
  }
}
