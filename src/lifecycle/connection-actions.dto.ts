import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean } from 'class-validator';
import type { ConnectionId } from '../connections/ids.ts';
import type { RevokedConnection } from '../connections/revocation/connection-revoker.ts';
import {
  PROVIDER_REVOCATION_STATUSES,
  type ProviderRevocationStatus,
} from '../connections/status/connection-status.ts';
import { exampleId, INSTANT } from '../platform/openapi/examples.ts';
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

/** Response of `DELETE /v1/connections/{id}`. */
export class RevokedConnectionResponse {
  @ApiProperty({ type: String, example: exampleId('con') })
  id!: ConnectionId;

  @ApiProperty({ enum: ['revoked'] })
  status!: 'revoked';

  @ApiProperty({ ...INSTANT, description: 'When it was first revoked' })
  revoked_at!: string;

  @ApiProperty({ type: 'integer', minimum: 0, description: 'Leases that this request ended', example: 2 })
  leases_revoked!: number;

  @ApiProperty({
    enum: PROVIDER_REVOCATION_STATUSES,
    description:
      "State of the revocation at Meta. `pending`: it is repeated until Meta confirms. `shared`: the user's grant also " +
      'serves another active connection and ends with the last one. `not_supported`: the customer has to remove the app.',
    example: 'confirmed',
  })
  provider_revocation!: ProviderRevocationStatus;
}

export function toRevokedConnectionResponse(
  { id, revokedAt, leasesRevoked, providerRevocation }: RevokedConnection,
  providerStatus: ProviderRevocationStatus = providerRevocation,
): RevokedConnectionResponse {
  return {
    id,
    status: 'revoked',
    revoked_at: revokedAt.toISOString(),
    leases_revoked: leasesRevoked,
    provider_revocation: providerStatus,
  };
}
