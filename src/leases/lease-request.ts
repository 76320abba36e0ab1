import { IsIn, IsInt, IsOptional, IsString, Matches, Max, Min } from 'class-validator';
import type { LeaseMode } from '../access/caller.ts';
import { PRODUCTS, type Product } from '../config/config.ts';

export const DEFAULT_TTL_SECONDS = 900;
/** Too long a wish is cut, or answered as unsatisfiable; beyond this it is a mistake (some 68 years). */
const MAX_SECONDS = 2 ** 31 - 1;

/** `POST /v1/leases` (CONTRACT 6). */
export class LeaseRequest {
  @Matches(/^[A-Za-z0-9._:-]{1,128}$/, { message: 'must be 1 to 128 characters of A-Z a-z 0-9 . _ : -' })
  tenant!: string;

  @IsIn(PRODUCTS)
  product!: Product;

  @IsOptional()
  @Matches(/^con_[0-9a-hjkmnp-tv-z]{26}$/, { message: 'must be the id of a connection (con_…)' })
  connection_id?: string;

  @IsOptional()
  @IsString()
  @Matches(/^[A-Za-z0-9_.-]{1,128}$/, { message: "must be Meta's id of an asset" })
  asset_id?: string;

  @IsOptional()
  @IsIn(['gateway', 'token'])
  mode?: LeaseMode;

  /** Seconds; longer than the client may is cut, not refused. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(MAX_SECONDS)
  ttl_seconds?: number;

  /** Seconds that Meta's token must still live. */
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(MAX_SECONDS)
  min_valid_seconds?: number;
}

/** `POST /v1/leases/introspect` (RFC 7662). */
export class IntrospectionRequest {
  @IsString()
  @Matches(/^[\x21-\x7e]{1,4096}$/, { message: 'must be a token' })
  token!: string;
}
