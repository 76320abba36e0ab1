import { defineErrorCode } from '../../platform/error-code.ts';
import { type DeathReason, SCOPES_MISSING } from './status-reason.ts';

const { remedy } = defineErrorCode('status_reason', {
  code: SCOPES_MISSING,
  detail: 'The connection works, but lacks permissions that its product needs.',
  remedy:
    'Connect again: the dialog then asks once more for what was declined. A token that was imported is made anew, with these scopes, and imported again.',
});

export function missingScopesReason(missing: readonly string[]): DeathReason & { code: typeof SCOPES_MISSING } {
  return {
    code: SCOPES_MISSING,
    detail: `Not granted, though the product needs them: ${missing.join(', ')}.`,
    remedy,
  };
}

/** As it is stored. Null: nothing is missing, or that is not known. */
export function missingScopesReasonJson(missing: readonly string[] | undefined, now: Date): string | null {
  if (missing === undefined || missing.length === 0) return null;
  return JSON.stringify({ ...missingScopesReason(missing), since_at: now.toISOString() });
}
