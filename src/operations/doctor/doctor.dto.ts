import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional } from 'class-validator';
import { INSTANT } from '../../platform/openapi/examples.ts';
import { CHECKS, FINDING_STATES, type Finding } from './finding.ts';

/** Query of `GET /v1/doctor`. */
export class DoctorRequest {
  @ApiPropertyOptional({
    enum: ['true', 'false'],
    default: 'false',
    description: '`true`: check again if the last checks are older than ten seconds, rather than five minutes',
  })
  @IsOptional()
  @IsIn(['true', 'false'])
  fresh: 'true' | 'false' = 'false';
}

class DoctorFindingResponse implements Finding {
  @ApiProperty({
    enum: [...CHECKS, 'examination'],
    description: '`examination`: the checks themselves',
    example: 'meta_app',
  })
  check!: Finding['check'];

  @ApiProperty({ enum: FINDING_STATES, description: '`attention`: works, but an operator should check' })
  state!: Finding['state'];

  @ApiProperty({ description: 'What was found, and what it means', example: 'The app secret is right.' })
  detail!: string;

  @ApiProperty({ type: String, nullable: true, description: 'What to do; null: nothing', example: null })
  mend!: string | null;
}

/** Response of `GET /v1/doctor`. */
export class DoctorResponse {
  @ApiProperty({ ...INSTANT, description: 'When it checked' })
  examined_at!: string;

  @ApiProperty({ type: [DoctorFindingResponse], description: 'The most urgent first' })
  findings!: DoctorFindingResponse[];
}
