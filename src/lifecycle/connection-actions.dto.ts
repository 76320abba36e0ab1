import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean } from 'class-validator';
import type { ConnectionId } from '../connections/ids.ts';
import type { ProviderRevocationStatus } from '../connections/status/connection-status.ts';
import { IsOptionalNotNull } from '../platform/optional-field.ts';

/** Optional body of `POST /v1/connections/{id}/rotate`. */
export class RotateConnectionRequest {
  @ApiPropertyOptional({
    description:
      'Whether the new token expires after 60 days (and is refreshed) or never. Default: as the old token. Some ' +
      'businesses allow only tokens that expire.',
  })
  @IsOptionalNotNull()
  @IsBoolean()
  set_token_expires_in_60_days?: boolean;
}

export interface RevokedConnectionResponse {
  id: ConnectionId;
  status: 'revoked';
  revoked_at: string;
  leases_revoked: number;
  provider_revocation: ProviderRevocationStatus;
}
