import { Controller, Get, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Registry } from 'prom-client';
import { ForOperators } from '../../auth/decorators.ts';
import { PLAIN_TEXT } from '../../platform/openapi/media-types.ts';
import { processMetrics } from './process-metrics.ts';

@ApiTags('operations')
@ForOperators()
@Controller('metrics')
export class MetricsController {
  private readonly ofProcess = processMetrics();

  constructor(private readonly registry: Registry) {}

  @Get()
  @ApiOperation({
    operationId: 'getMetrics',
    summary: 'Get metrics',
    description: 'Of this replica, in the text format of Prometheus.',
  })
  @ApiOkResponse({ description: 'The metrics', content: PLAIN_TEXT })
  async metrics(@Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    reply.type(this.registry.contentType);
    return Registry.merge([this.ofProcess, this.registry]).metrics();
  }
}
