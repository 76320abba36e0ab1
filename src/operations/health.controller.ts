import { Controller, Get, HttpException, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { type HealthCheckResult, HealthCheckService } from '@nestjs/terminus';
import type { FastifyReply } from 'fastify';
import { Public } from '../access/decorators.ts';
import { Readiness } from './readiness.ts';

@ApiTags('operations')
@Public()
@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly readiness: Readiness,
  ) {}

  @Get('live')
  @ApiOperation({ summary: 'The process runs and answers' })
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  /** 200, or 503 with the same shape, which names what is down. */
  @Get('ready')
  @ApiOperation({ summary: 'Database, migrations, key ring and clock are as they must be' })
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<HealthCheckResult> {
    try {
      return await this.health.check([
        () => this.readiness.process(),
        () => this.readiness.databaseAndMigrations(),
        () => this.readiness.keys(),
        () => this.readiness.time(),
      ]);
    } catch (error) {
      if (!(error instanceof HttpException) || error.getStatus() !== 503) throw error;
      reply.status(503);
      return error.getResponse() as HealthCheckResult;
    }
  }
}
