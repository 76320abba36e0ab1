import { Controller, HttpCode, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Roles } from '../../auth/decorators.ts';
import { HealthSweepResponse, RefreshSweepResponse, type SweepResponse } from './maintenance.dto.ts';
import { Sweep, type SweepCounts } from './sweep.ts';

/** Runs sweeps on request, for everything due and not backing off. */
@ApiTags('maintenance')
@Controller('v1/maintenance')
@Roles('admin')
export class MaintenanceController {
  constructor(private readonly sweep: Sweep) {}

  @Post('refresh-sweep')
  @HttpCode(200)
  @ApiOperation({
    operationId: 'runRefreshSweep',
    summary: 'Refresh all tokens that are due',
    description: 'What the schedule does anyway, at once. Leaves out what is backing off. Answers when it is done.',
  })
  @ApiOkResponse({ type: RefreshSweepResponse, description: 'What was done' })
  async refresh(): Promise<RefreshSweepResponse> {
    const counts = await this.sweep.refresh();
    return { ...toSweepResponse(counts), refreshed: counts.done };
  }

  @Post('health-sweep')
  @HttpCode(200)
  @ApiOperation({
    operationId: 'runHealthSweep',
    summary: 'Inspect all tokens that are due',
    description: 'What the schedule does anyway, at once. Leaves out what is backing off. Answers when it is done.',
  })
  @ApiOkResponse({ type: HealthSweepResponse, description: 'What was done' })
  async health(): Promise<HealthSweepResponse> {
    const counts = await this.sweep.health();
    return { ...toSweepResponse(counts), checked: counts.done };
  }
}

function toSweepResponse({ claimed, failed, skipped, durationSeconds }: SweepCounts): SweepResponse {
  return { claimed, failed, skipped, duration_seconds: durationSeconds };
}
