import type { CallbackOutcome } from '../../meta/dialog/callback-query.ts';
import type { ConnectErrorCode } from '../connect-problems.ts';

/** Our codes for Meta's ways to end a dialog without a code. */
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

/** OAuth 2.0 error codes (RFC 6749 4.1.2.1) that will not go away by trying again. */
const ERRORS = new Map<string, ConnectErrorCode>([
  ['unauthorized_client', 'app_unavailable'],
  ['invalid_request', 'meta_configuration'],
  ['invalid_scope', 'meta_configuration'],
  ['unsupported_response_type', 'meta_configuration'],
]);
