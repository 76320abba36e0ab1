import type { ProviderRevocationStatus } from '../connections/status/connection-status.ts';

export interface RevokedConnectionResponse {
  id: string;
  status: 'revoked';
  revoked_at: string;
  leases_revoked: number;
  provider_revocation: ProviderRevocationStatus;
}
