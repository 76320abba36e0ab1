import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean } from 'class-validator';
import type { ConnectionId } from '../connections/ids.ts';
import type { ProviderRevocationStatus } from '../connections/status/connection-status.ts';
import { IsOptionalNotNull } from '../platform/optional-field.ts';

/** Body of `POST /v1/connections/{id}/rotate`; may be absent as a whole. */
export class RotateConnectionRequest {
  @ApiPropertyOptional({
    description:
      'Whether the new token ends after 60 days, and is refreshed from then on, or never ends. By default as the old one: one without an end gets one without an end. Some businesses allow only tokens that end.',
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
