import { defineErrorCode } from '../../platform/error-code.ts';
import type { StatusReason } from './status-reason.ts';

/** The reason of an active connection whose token lacks scopes that its product needs. */
export const SCOPES_MISSING = 'scopes_missing';

const { remedy } = defineErrorCode('status_reason', {
  code: SCOPES_MISSING,
  detail: 'The connection works, but lacks permissions that its product needs.',
  remedy:
    'Connect again: the dialog then asks once more for what was declined. A token that was imported is made anew, with these scopes, and imported again.',
});

export function missingScopesReason(missing: readonly string[]): Omit<StatusReason, 'since_at'> {
  return {
    code: SCOPES_MISSING,
    detail: `Not granted, though the product needs them: ${missing.join(', ')}.`,
    remedy,
  };
}

/**
 * For an UPDATE of a connection by what inspection told of its root token: `declined_scopes` gains what was lost and loses what
 * is granted; an active connection's reason follows what is missing now, unless a graver one stands there.
 * `lost`, `scopes`: parameters of text[]; `missing`: one of json, the reason or null; `told`: of boolean, whether scopes were told.
 * `reasonOtherwise`: what the reason of one that is not active becomes.
 */
export function scopeAssignmentsSql(
  parameter: { scopes: string; lost: string; missing: string; reported: string },
  reasonOtherwise: string,
): string {
  const { scopes, lost, missing, reported } = parameter;
  return `declined_scopes = ARRAY(SELECT DISTINCT s FROM unnest(declined_scopes || ${lost}::text[]) s WHERE s <> ALL (${scopes}) ORDER BY s),
    status_reason = CASE WHEN status <> 'active' THEN ${reasonOtherwise}
      WHEN NOT ${reported}::boolean OR coalesce(status_reason->>'code', '${SCOPES_MISSING}') <> '${SCOPES_MISSING}' THEN status_reason
      ELSE ${missing}::json END`;
}

/** The parameter `missing` of `scopeAssignmentsSql`. */
export function missingScopesReasonJson(missing: readonly string[] | undefined, now: Date): string | null {
  if (missing === undefined || missing.length === 0) return null;
  return JSON.stringify({ ...missingScopesReason(missing), since_at: now.toISOString() });
}
