import { ApiExtraModels, ApiProperty, getSchemaPath } from '@nestjs/swagger';
import type { HealthCheckResult } from '@nestjs/terminus';
import type { ChainHoldUp } from '../../audit/chain/chain-progress.ts';
import type { Finding } from '../doctor/finding.ts';
import type { Diagnosis } from './diagnosis.service.ts';

/** Response of `GET /health/live`. */
export class LiveResponse {
  @ApiProperty({ enum: ['ok'] })
  status!: 'ok';
}

/** A check of `GET /health/ready`, with what it found. */
class CheckResponse {
  @ApiProperty({ enum: ['up', 'down'] })
  status!: 'up' | 'down';
}

const CHECKS = { type: 'object', additionalProperties: { $ref: getSchemaPath(CheckResponse) } } as const;

/** Response of `GET /health/ready`, as `@nestjs/terminus` makes it. */
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
interface ExaminedCheckResponse {
  status: 'up' | 'down';
  examined_at: string;
  findings: Pick<Finding, 'state' | 'detail' | 'mend'>[];
}

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
interface ChainCheckResponse {
  status: 'up' | 'down';
  held_up_since?: string;
  reason?: ChainHoldUp['reason'];
}

export function toChainCheck(holdUp: ChainHoldUp | null): ChainCheckResponse {
  if (holdUp === null) return { status: 'up' };
  return { status: 'down', held_up_since: holdUp.since.toISOString(), reason: holdUp.reason };
}
