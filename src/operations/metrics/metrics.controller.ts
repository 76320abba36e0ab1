import { Controller, Get, type OnModuleInit, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { ForOperators } from '../../auth/decorators.ts';
import { PLAIN_TEXT } from '../../platform/openapi/media-types.ts';

@ApiTags('operations')
@ForOperators()
@Controller('metrics')
export class MetricsController implements OnModuleInit {
  constructor(private readonly registry: Registry) {}

  onModuleInit(): void {
    collectDefaultMetrics({ register: this.registry });
  }

  @Get()
  @ApiOperation({
    operationId: 'getMetrics',
    summary: 'Get metrics',
    description: 'Of this replica, in the text format of Prometheus.',
  })
  @ApiOkResponse({ description: 'The metrics', content: PLAIN_TEXT })
  async metrics(@Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    reply.type(this.registry.contentType);
    return this.registry.metrics();
  }
}
