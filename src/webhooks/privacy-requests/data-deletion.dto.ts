import { ApiProperty } from '@nestjs/swagger';
import { INSTANT, INSTANT_OR_NULL } from '../../platform/openapi/examples.ts';

/** Status of a data deletion. */
export class DeletionStatusResponse {
  @ApiProperty({ example: '0123456789abcdef0123456789abcdef' })
  confirmation_code!: string;

  @ApiProperty({ enum: ['in_progress', 'completed'] })
  status!: 'in_progress' | 'completed';

  @ApiProperty(INSTANT)
  requested_at!: string;

  @ApiProperty(INSTANT_OR_NULL)
  completed_at!: string | null;
}
