import { ApiParam } from '@nestjs/swagger';
import { exampleId } from '../../platform/openapi/examples.ts';

/** Describes the path parameter `id` of routes about one connection. */
export const ApiConnectionId = (): MethodDecorator =>
  ApiParam({ name: 'id', description: 'Id of the connection', example: exampleId('con') });
