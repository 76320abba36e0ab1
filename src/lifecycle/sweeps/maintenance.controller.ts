import { Controller, HttpCode, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { Roles } from '../../auth/decorators.ts';
import { Sweep, type SweepCounts } from './sweep.ts';

interface SweepAnswer {
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
  async refresh(): Promise<SweepAnswer & { refreshed: number }> {
    const counts = await this.sweep.refresh();
    return { ...toAnswer(counts), refreshed: counts.done };
  }

  @Post('health-sweep')
  @HttpCode(200)
  async health(): Promise<SweepAnswer & { checked: number }> {
    const counts = await this.sweep.health();
    return { ...toAnswer(counts), checked: counts.done };
  }
}

function toAnswer({ claimed, failed, skipped, durationSeconds }: SweepCounts): SweepAnswer {
  return { claimed, failed, skipped, duration_seconds: durationSeconds };
}
