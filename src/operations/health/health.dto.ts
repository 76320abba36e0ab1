import { ApiExtraModels, ApiProperty, getSchemaPath } from '@nestjs/swagger';
import type { HealthCheckResult } from '@nestjs/terminus';
import { type ChainHoldUp, HOLD_UP_REASONS } from '../../audit/chain/chain-progress.ts';
import { INSTANT } from '../../platform/openapi/examples.ts';
import { FINDING_STATES, type Finding } from '../doctor/finding.ts';
import type { Diagnosis } from './diagnosis.service.ts';

/** Response of `GET /health/live`. */
export class LiveResponse {
  @ApiProperty({ enum: ['ok'] })
  status!: 'ok';
}

class FindingResponse implements Pick<Finding, 'state' | 'detail' | 'mend'> {
  @ApiProperty({ enum: FINDING_STATES, description: '`attention`: works, but an operator should check' })
  state!: Finding['state'];

  @ApiProperty({ example: 'The app secret is right.' })
  detail!: string;

  @ApiProperty({ type: String, nullable: true, description: 'What to do; null: nothing', example: null })
  mend!: string | null;
}

/** A check of `GET /health/ready`, with its result. */
class CheckResponse {
  @ApiProperty({ enum: ['up', 'down'] })
  status!: 'up' | 'down';

  @ApiProperty({ required: false, description: 'Why it is down', example: 'does not respond' })
  message?: string;

  @ApiProperty({
    required: false,
    description: '`database`: seconds since it last answered a statement',
    example: 12.4,
  })
  last_answer_age_seconds?: number;

  @ApiProperty({ type: [String], required: false, description: '`migrations`: those that have not run' })
  missing?: string[];

  @ApiProperty({ type: [String], required: false, description: '`migrations`: those of a newer release that ran' })
  newer?: string[];

  @ApiProperty({
    type: [String],
    required: false,
    description: '`migrations`: those that a release must have to work on this schema, and that this one lacks',
  })
  needs?: string[];

  @ApiProperty({ required: false, description: "`clock`: how far this machine is from the database's", example: 0.1 })
  skew_seconds?: number;

  @ApiProperty({ ...INSTANT, required: false, description: '`audit_chain`: since when no entry is linked' })
  held_up_since?: string;

  @ApiProperty({ enum: HOLD_UP_REASONS, required: false, description: '`audit_chain`: why' })
  reason?: ChainHoldUp['reason'];

  @ApiProperty({ ...INSTANT, required: false, description: 'Checks of the doctor: when it checked' })
  examined_at?: string;

  @ApiProperty({ type: [FindingResponse], required: false, description: 'Checks of the doctor: what it found' })
  findings?: FindingResponse[];
}

const CHECKS = { type: 'object', additionalProperties: { $ref: getSchemaPath(CheckResponse) } } as const;

/** Response of `GET /health/ready`, as built by `@nestjs/terminus`. */
@ApiExtraModels(CheckResponse)
export class ReadyResponse {
  @ApiProperty({ enum: ['ok', 'error', 'shutting_down', 'degraded'] })
  status!: HealthCheckResult['status'];

  @ApiProperty({ ...CHECKS, description: 'Checks that are up' })
  info!: Record<string, CheckResponse>;

  @ApiProperty({ ...CHECKS, description: 'Checks that are down' })
  error!: Record<string, CheckResponse>;

  @ApiProperty({ ...CHECKS, description: 'All checks, and for admins those of `metavault doctor`' })
  details!: Record<string, CheckResponse>;
}

/** A doctor's check in `GET /health/ready`, in terminus's shape. `down` does not make the replica unready. */
type ExaminedCheckResponse = Required<Pick<CheckResponse, 'status' | 'examined_at' | 'findings'>>;

/** Groups findings by check. */
export function toExaminedChecks({ examinedAt, findings }: Diagnosis): Record<string, ExaminedCheckResponse> {
  const checks: Record<string, ExaminedCheckResponse> = {};
  for (const { check, state, detail, mend } of findings) {
    checks[check] ??= { status: 'up', examined_at: examinedAt.toISOString(), findings: [] };
    checks[check].findings.push({ state, detail, mend });
    if (state === 'wrong') checks[check].status = 'down';
  }
  return checks;
}

/** Whether audit entries are being chained. `down` does not make the replica unready. */
export function toChainCheck(holdUp: ChainHoldUp | null): Pick<CheckResponse, 'status' | 'held_up_since' | 'reason'> {
  if (holdUp === null) return { status: 'up' };
  return { status: 'down', held_up_since: holdUp.since.toISOString(), reason: holdUp.reason };
}
