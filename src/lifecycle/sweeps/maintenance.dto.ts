import { ApiProperty } from '@nestjs/swagger';

export class SweepResponse {
  @ApiProperty({ type: 'integer', description: 'Tokens that were due', example: 40 })
  claimed!: number;

  @ApiProperty({ type: 'integer', description: 'Attempts that failed and will be repeated', example: 1 })
  failed!: number;

  @ApiProperty({ type: 'integer', description: 'Left alone, because their state changed meanwhile', example: 0 })
  skipped!: number;

  @ApiProperty({ description: 'How long the sweep took', example: 2.5 })
  duration_seconds!: number;
}

export class RefreshSweepResponse extends SweepResponse {
  @ApiProperty({ type: 'integer', description: 'Tokens that were refreshed', example: 39 })
  refreshed!: number;
}

export class HealthSweepResponse extends SweepResponse {
  @ApiProperty({ type: 'integer', description: 'Tokens that were inspected', example: 39 })
  checked!: number;
}
