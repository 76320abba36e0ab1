import { ApiParam } from '@nestjs/swagger';

/** Describes the path parameter `id` of routes about one connection. */
export const ApiConnectionId = (): MethodDecorator =>
  ApiParam({ name: 'id', description: 'Id of the connection', example: 'con_01k7gm2v9s8x4d0c6b5a3n1f2e' });
