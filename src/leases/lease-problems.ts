import { defineProblem } from '../platform/problem.ts';

declare module '../platform/problem.ts' {
  interface ProblemCodes {
    ambiguous_connection: true;
    asset_without_credential: true;
    credential_unreadable: true;
    lease_not_found: true;
    mode_not_allowed: true;
  }
}

export const ambiguousConnection = defineProblem(
  'ambiguous_connection',
  409,
  'Several connections of this tenant and product match.',
  'Send a connection_id, or the asset_id of what it reaches; GET /v1/connections lists them.',
);
export const modeNotAllowed = defineProblem(
  'mode_not_allowed',
  403,
  'The policy of this client does not allow leases in this mode.',
  'Use the gateway mode, or ask an admin for a client whose lease_modes include this mode.',
);
export const leaseNotFound = defineProblem('lease_not_found', 404, 'There is no such lease.', 'Check the id.');
export const credentialUnreadable = defineProblem(
  'credential_unreadable',
  503,
  "This connection's stored token cannot be decrypted.",
  'It was changed, moved, or sealed under another key. Restore the database from a backup, or connect again.',
);
export const assetWithoutCredential = defineProblem(
  'asset_without_credential',
  409,
  'Meta gives no token for this asset: the connecting user has no task on its Page.',
  'Have a Page admin give that user a task on it, then POST /v1/connections/{id}/check, or connect again.',
);
