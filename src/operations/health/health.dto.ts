import type { ChainHoldUp } from '../../audit/chain/chain-progress.ts';
import type { Finding } from '../doctor/finding.ts';
import type { Diagnosis } from './diagnosis.service.ts';

/** Response of `GET /health/live`. */
export interface LiveResponse {
  status: 'ok';
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
