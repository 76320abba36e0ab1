import { ApiParam } from '@nestjs/swagger';
import { exampleId } from '../../platform/openapi/examples.ts';

/** Describes the path parameter `id` of routes about one subscription. */
export const ApiSubscriptionId = (): MethodDecorator =>
  ApiParam({ name: 'id', description: 'Id of the subscription', example: exampleId('sub') });
