import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsInt, IsOptional, IsString, Matches, Max, Min } from 'class-validator';
import { LEASE_MODES, type LeaseMode } from '../auth/authenticated-client.ts';
import { PRODUCTS, type Product } from '../config/config.ts';
import { TENANT_PATTERN } from '../config/tenant.ts';
import { ASSET_ID_PATTERN } from '../connections/assets/asset-id.ts';
import type { ConnectionId } from '../connections/ids.ts';
import { exampleId } from '../platform/openapi/examples.ts';

export const DEFAULT_TTL_SECONDS = 900;
/** Longer durations are capped, or refused as unsatisfiable; beyond this (68 years) the request is malformed. */
const MAX_SECONDS = 2 ** 31 - 1;

export const CONNECTION_ID = /^con_[0-9a-hjkmnp-tv-z]{26}$/;
const MODES: readonly unknown[] = LEASE_MODES;

/** Body of `POST /v1/leases` (docs/api.md#leases). */
export class LeaseRequest {
  /** Checks the rules below at once for valid requests (see `InputValidationPipe`). A test keeps both in sync. */
  static isPlainlyValid(body: unknown): boolean {
    if (typeof body !== 'object' || body === null) return false;
    for (const [name, value] of Object.entries(body)) {
      const rule = FAST_RULES.get(name);
      if (rule === undefined || !rule(value)) return false;
    }
    return 'tenant' in body && 'product' in body;
  }

  @ApiProperty({
    pattern: TENANT_PATTERN.source,
    description: 'The customer, as your product names it',
    example: 'acme',
  })
  @Matches(TENANT_PATTERN, { message: 'must be 1 to 128 characters of A-Z a-z 0-9 . _ : -' })
  tenant!: string;

  @ApiProperty({ enum: PRODUCTS, example: PRODUCTS[0] })
  @IsIn(PRODUCTS)
  product!: Product;

  @ApiPropertyOptional({
    type: String,
    pattern: CONNECTION_ID.source,
    description: 'Which connection, if the tenant has several of the product',
    example: exampleId('con'),
  })
  @IsOptional()
  @Matches(CONNECTION_ID, { message: 'must be the id of a connection (con_…)' })
  connection_id?: ConnectionId;

  @ApiPropertyOptional({
    pattern: ASSET_ID_PATTERN.source,
    description: "Meta's id of a Page, phone number, account …: the lease is for the token that reaches it",
    example: '106540352242922',
  })
  @IsOptional()
  @IsString()
  @Matches(ASSET_ID_PATTERN, { message: "must be Meta's id of an asset" })
  asset_id?: string;

  @ApiPropertyOptional({
    enum: LEASE_MODES,
    default: 'gateway',
    description:
      "`gateway`: a token for the gateway, worth nothing at Meta. `token`: Meta's own, if the policy names it.",
  })
  @IsOptional()
  @IsIn(MODES)
  mode?: LeaseMode;

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 1,
    maximum: MAX_SECONDS,
    default: DEFAULT_TTL_SECONDS,
    description: "How long the lease should last. Capped at the client's maximum, not refused.",
  })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(MAX_SECONDS)
  ttl_seconds?: number;

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 0,
    maximum: MAX_SECONDS,
    description: "How long Meta's token must stay valid. A token that ends earlier is refreshed first.",
    example: 300,
  })
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(MAX_SECONDS)
  min_valid_seconds?: number;
}

const isSeconds =
  (min: number) =>
  (value: unknown): boolean =>
    Number.isInteger(value) && (value as number) >= min && (value as number) <= MAX_SECONDS;
const matches =
  (pattern: RegExp) =>
  (value: unknown): boolean =>
    typeof value === 'string' && pattern.test(value);

const FAST_RULES: ReadonlyMap<string, (value: unknown) => boolean> = new Map([
  ['tenant', matches(TENANT_PATTERN)],
  ['product', (value: unknown) => PRODUCTS.includes(value as Product)],
  ['connection_id', matches(CONNECTION_ID)],
  ['asset_id', matches(ASSET_ID_PATTERN)],
  ['mode', (value: unknown) => MODES.includes(value)],
  ['ttl_seconds', isSeconds(1)],
  ['min_valid_seconds', isSeconds(0)],
]);

/** `POST /v1/leases/introspect` (RFC 7662). */
export class IntrospectionRequest {
  @ApiProperty({ minLength: 1, maxLength: 4096, description: 'The access_token of a gateway lease', example: 'mtl_…' })
  @IsString()
  @Matches(/^[\x21-\x7e]{1,4096}$/, { message: 'must be a token' })
  token!: string;
}
