import type { CallbackOutcome } from '../../meta/dialog/callback-query.ts';
import type { ConnectErrorCode } from '../connect-problems.ts';

/** Maps a dialog's end without a code (docs/meta-facts.md#oauth-dialog) to our error code. */
export function dialogErrorCode(outcome: Exclude<CallbackOutcome, { kind: 'code' }>): ConnectErrorCode {
  switch (outcome.kind) {
    case 'denied':
      return 'access_denied';
    case 'app_unavailable':
      return 'app_unavailable';
    case 'malformed':
      return 'code_rejected';
    case 'error':
      return ERRORS.get(outcome.error ?? '') ?? 'meta_unavailable';
  }
}

/** OAuth 2.0 errors (RFC 6749, section 4.1.2.1) that retrying won't fix. */
const ERRORS = new Map<string, ConnectErrorCode>([
  ['unauthorized_client', 'app_unavailable'],
  ['invalid_request', 'meta_configuration'],
  ['invalid_scope', 'meta_configuration'],
  ['unsupported_response_type', 'meta_configuration'],
]);
