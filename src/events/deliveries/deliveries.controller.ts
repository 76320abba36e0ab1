import { Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { AuthenticatedClient } from '../../auth/authenticated-client.ts';
import { CurrentClient, RequestId, Roles } from '../../auth/decorators.ts';
import { ApiProblems } from '../../platform/openapi/api-problems.ts';
import { exampleId } from '../../platform/openapi/examples.ts';
import { requesterOf, scopeOf } from '../subscriptions/requester.ts';
import {
  DeliveriesService,
  deliveryNotFound,
  deliveryUnwanted,
  payloadGone,
  subscriptionEnded,
} from './deliveries.service.ts';
import {
  DeliveredEventResponse,
  DeliveryResponse,
  toDeliveredEventResponse,
  toDeliveryResponse,
} from './delivery.dto.ts';

const ApiDeliveryId = (): MethodDecorator =>
  ApiParam({ name: 'id', description: 'Id of the delivery', example: exampleId('dlv') });

/** Single deliveries, for admins only. */
@ApiTags('events')
@Roles('admin')
@Controller('v1/deliveries')
export class DeliveriesController {
  constructor(private readonly deliveries: DeliveriesService) {}

  @Get(':id')
  @ApiDeliveryId()
  @ApiOperation({
    operationId: 'getDelivery',
    summary: 'Get a delivery',
    description: 'What became of one event at one subscription. Never shows the data of the event.',
  })
  @ApiOkResponse({ type: DeliveryResponse, description: 'The delivery' })
  @ApiProblems(deliveryNotFound)
  async get(@Param('id') id: string, @CurrentClient() client: AuthenticatedClient): Promise<DeliveryResponse> {
    return toDeliveryResponse(await this.deliveries.get(id, scopeOf(client)));
  }

  @Get(':id/event')
  @ApiDeliveryId()
  @ApiOperation({
    operationId: 'getDeliveredEvent',
    summary: 'Get the event of a delivery',
    description:
      "As its receiver gets it. What Meta sent (`meta.webhook`) holds customers' messages and is never shown.",
  })
  @ApiOkResponse({ type: DeliveredEventResponse, description: 'The event' })
  @ApiProblems(deliveryNotFound)
  async getEvent(
    @Param('id') id: string,
    @CurrentClient() client: AuthenticatedClient,
  ): Promise<DeliveredEventResponse> {
    return toDeliveredEventResponse(await this.deliveries.getEvent(id, scopeOf(client)));
  }

  @Post(':id/replay')
  @HttpCode(202)
  @ApiDeliveryId()
  @ApiOperation({
    operationId: 'replayDelivery',
    summary: 'Send a delivery again',
    description: 'At once, and under the same `webhook-id`, so that receivers recognize it.',
  })
  @ApiAcceptedResponse({ type: DeliveryResponse, description: 'The delivery is pending again' })
  @ApiProblems(deliveryNotFound, subscriptionEnded, deliveryUnwanted, payloadGone)
  async replay(
    @Param('id') id: string,
    @CurrentClient() client: AuthenticatedClient,
    @RequestId() requestId: string,
  ): Promise<DeliveryResponse> {
    return toDeliveryResponse(await this.deliveries.replay(requesterOf(client, requestId), id));
  }
}
