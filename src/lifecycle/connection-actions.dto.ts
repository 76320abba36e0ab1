import type { ConnectionId } from '../connections/ids.ts';
import type { ProviderRevocationStatus } from '../connections/status/connection-status.ts';

export interface RevokedConnectionResponse {
  id: ConnectionId;
  status: 'revoked';
  revoked_at: string;
  leases_revoked: number;
  provider_revocation: ProviderRevocationStatus;
}
