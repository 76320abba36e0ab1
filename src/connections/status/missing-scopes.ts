import { defineErrorCode } from '../../platform/error-code.ts';
import { type DeathReason, SCOPES_MISSING } from './status-reason.ts';

const { remedy } = defineErrorCode('status_reason', {
  code: SCOPES_MISSING,
  detail: 'The connection works, but lacks permissions that its product needs.',
  remedy:
    'Connect again: the dialog asks again for what was declined. For an imported token, generate and import a new one with these scopes.',
});

export function missingScopesReason(missing: readonly string[]): DeathReason & { code: typeof SCOPES_MISSING } {
  return {
    code: SCOPES_MISSING,
    detail: `The product needs permissions that were not granted: ${missing.join(', ')}.`,
    remedy,
  };
}

/** The reason as stored. Null: nothing is missing, or unknown. */
export function missingScopesReasonJson(missing: readonly string[] | undefined, now: Date): string | null {
  if (missing === undefined || missing.length === 0) return null;
  return JSON.stringify({ ...missingScopesReason(missing), since_at: now.toISOString() });
}
