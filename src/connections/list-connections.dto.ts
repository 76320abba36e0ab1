import { ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsIn, IsInt, IsOptional, IsString, Matches, Max, MaxLength, Min } from 'class-validator';
import { PRODUCTS, type Product } from '../config/config.ts';
import { TENANT_PATTERN } from '../config/tenant.ts';
import { INSTANT } from '../platform/openapi/examples.ts';
import { DEFAULT_LIMIT, MAX_LIMIT } from '../platform/paging.ts';
import { ASSET_ID_PATTERN } from './assets/asset-id.ts';
import { HEALTHS, type Health } from './credentials/credential-kind.ts';
import { ReferenceFilter } from './description/description-fields.ts';
import { CONNECTION_STATUSES, type ConnectionStatus } from './status/connection-status.ts';
import { STATUS_REASON_CODES, type StatusReasonCode } from './status/status-reason.ts';

/** Query of `GET /v1/connections`. */
export class ListConnectionsRequest {
  @ApiPropertyOptional({ pattern: TENANT_PATTERN.source, description: 'Of this tenant only', example: 'acme' })
  @IsOptional()
  @Matches(TENANT_PATTERN, { message: 'must be 1 to 128 of A-Z, a-z, 0-9, ".", "_", ":", "-"' })
  tenant?: string;

  @ApiPropertyOptional({ enum: PRODUCTS, description: 'Of this product only' })
  @IsOptional()
  @IsIn(PRODUCTS as string[], { message: `must be one of ${PRODUCTS.join(', ')}` })
  product?: Product;

  @ApiPropertyOptional({ enum: CONNECTION_STATUSES, description: 'With this status only' })
  @IsOptional()
  @IsIn(CONNECTION_STATUSES, { message: 'must be active, reauth_required, or revoked' })
  status?: ConnectionStatus;

  @ApiPropertyOptional({ enum: HEALTHS, description: 'With a credential of this health only' })
  @IsOptional()
  @IsIn(HEALTHS)
  health?: Health;

  @ApiPropertyOptional({
    ...INSTANT,
    description: "With a credential, or access to the user's data, that expires before this instant",
  })
  @IsOptional()
  @IsString()
  @MaxLength(64)
  expires_before?: string;

  @ApiPropertyOptional({
    pattern: ASSET_ID_PATTERN.source,
    description: 'Those that reach this asset, by its id at Meta',
    example: '106540352242922',
  })
  @IsOptional()
  @Matches(ASSET_ID_PATTERN, { message: "must be Meta's id of an asset" })
  @IsString()
  asset_id?: string;

  @ReferenceFilter()
  reference?: string;

  @ApiPropertyOptional({ enum: STATUS_REASON_CODES, description: 'With this `status_reason` only' })
  @IsOptional()
  @IsIn(STATUS_REASON_CODES)
  reason?: StatusReasonCode;

  @ApiPropertyOptional({
    maxLength: 64,
    description: "Authorized by this user (or system user, or account), by Meta's id",
    example: '122093274858005763',
  })
  @IsOptional()
  @MaxLength(64)
  @IsString()
  meta_user_id?: string;

  @ApiPropertyOptional({
    minLength: 1,
    maxLength: 200,
    description:
      'Free-text search: the exact id, `reference`, Meta user id, or asset id of a connection, or the beginning of a ' +
      'tenant or asset name, in upper or lower case',
    example: 'acme',
  })
  @IsOptional()
  @Matches(/^[^\0]*\S[^\0]*$/, { message: 'must contain text to search for' })
  @MaxLength(200)
  @IsString()
  q?: string;

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 1,
    maximum: MAX_LIMIT,
    default: DEFAULT_LIMIT,
    description: 'How many connections to return at most',
  })
  @IsOptional()
  @Type(() => Number)
  @IsInt({ message: 'must be a whole number' })
  @Min(1, { message: 'must be 1 or more' })
  @Max(MAX_LIMIT, { message: `must be ${MAX_LIMIT} or less` })
  limit: number = DEFAULT_LIMIT;

  @ApiPropertyOptional({ description: '`next_cursor` of the previous page' })
  @IsOptional()
  @IsString({ message: 'must be given once' })
  cursor?: string;
}
