import type { Finding } from '../doctor/finding.ts';
import type { Diagnosis } from './diagnosis.service.ts';

/** Response of `GET /health/live`. */
export interface LiveResponse {
  status: 'ok';
}

/** One of the doctor's checks in `GET /health/ready`, in the shape that terminus uses; `down` does not make the replica unready. */
interface ExaminedCheckResponse {
  status: 'up' | 'down';
  examined_at: string;
  findings: Pick<Finding, 'state' | 'detail' | 'mend'>[];
}

/** By the name of the check. */
export function toExaminedChecks({ examinedAt, findings }: Diagnosis): Record<string, ExaminedCheckResponse> {
  const checks: Record<string, ExaminedCheckResponse> = {};
  for (const { check, state, detail, mend } of findings) {
    checks[check] ??= { status: 'up', examined_at: examinedAt.toISOString(), findings: [] };
    checks[check].findings.push({ state, detail, mend });
    if (state === 'wrong') checks[check].status = 'down';
  }
  return checks;
}
