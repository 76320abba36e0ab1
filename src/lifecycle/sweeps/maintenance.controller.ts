import { Controller, HttpCode, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { Roles } from '../../auth/decorators.ts';
import { Sweep, type SweepCounts } from './sweep.ts';

interface SweepResponse {
  claimed: number;
  failed: number;
  skipped: number;
  duration_seconds: number;
}

/** Sweeps on demand: all that is due now, back-off honoured (CONTRACT 9). */
@ApiTags('maintenance')
@ApiBearerAuth('bearer')
@Controller('v1/maintenance')
@Roles('admin')
export class MaintenanceController {
  constructor(private readonly sweep: Sweep) {}

  @Post('refresh-sweep')
  @HttpCode(200)
  async refresh(): Promise<SweepResponse & { refreshed: number }> {
    const counts = await this.sweep.refresh();
    return { ...toSweepResponse(counts), refreshed: counts.done };
  }

  @Post('health-sweep')
  @HttpCode(200)
  async health(): Promise<SweepResponse & { checked: number }> {
    const counts = await this.sweep.health();
    return { ...toSweepResponse(counts), checked: counts.done };
  }
}

function toSweepResponse({ claimed, failed, skipped, durationSeconds }: SweepCounts): SweepResponse {
  return { claimed, failed, skipped, duration_seconds: durationSeconds };
}
