import { Controller, HttpCode, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { Roles } from '../../auth/decorators.ts';
import type { HealthSweepResponse, RefreshSweepResponse, SweepResponse } from './maintenance.dto.ts';
import { Sweep, type SweepCounts } from './sweep.ts';

/** Runs sweeps on request, for everything due and not backing off. */
@ApiTags('maintenance')
@ApiBearerAuth('bearer')
@Controller('v1/maintenance')
@Roles('admin')
export class MaintenanceController {
  constructor(private readonly sweep: Sweep) {}

  @Post('refresh-sweep')
  @HttpCode(200)
  async refresh(): Promise<RefreshSweepResponse> {
    const counts = await this.sweep.refresh();
    return { ...toSweepResponse(counts), refreshed: counts.done };
  }

  @Post('health-sweep')
  @HttpCode(200)
  async health(): Promise<HealthSweepResponse> {
    const counts = await this.sweep.health();
    return { ...toSweepResponse(counts), checked: counts.done };
  }
}

function toSweepResponse({ claimed, failed, skipped, durationSeconds }: SweepCounts): SweepResponse {
  return { claimed, failed, skipped, duration_seconds: durationSeconds };
}
