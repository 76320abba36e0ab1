import { Type } from 'class-transformer';
import { IsIn, IsInt, IsOptional, IsString, Matches, Max, Min } from 'class-validator';
import { PRODUCTS, type Product } from '../config/config.ts';
import { TENANT_PATTERN } from '../config/tenant.ts';
import { DEFAULT_LIMIT, MAX_LIMIT } from '../platform/paging.ts';
import type { ConnectionStatus } from './status/connection-status.ts';

export class ListConnectionsRequest {
  @IsOptional()
  @Matches(TENANT_PATTERN, { message: 'must be 1 to 128 of A-Z, a-z, 0-9, ".", "_", ":", "-"' })
  tenant?: string;

  @IsOptional()
  @IsIn(PRODUCTS as string[], { message: `must be one of ${PRODUCTS.join(', ')}` })
  product?: Product;

  @IsOptional()
  @IsIn(['active', 'reauth_required', 'revoked'], { message: 'must be active, reauth_required, or revoked' })
  status?: ConnectionStatus;

  @IsOptional()
  @Type(() => Number)
  @IsInt({ message: 'must be a whole number' })
  @Min(1, { message: 'must be 1 or more' })
  @Max(MAX_LIMIT, { message: `must be ${MAX_LIMIT} or less` })
  limit: number = DEFAULT_LIMIT;

  @IsOptional()
  @IsString({ message: 'must be given once' })
  cursor?: string;
}
