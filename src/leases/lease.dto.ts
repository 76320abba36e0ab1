import { IsIn, IsInt, IsOptional, IsString, Matches, Max, Min } from 'class-validator';
import type { LeaseMode } from '../auth/authenticated-client.ts';
import { PRODUCTS, type Product } from '../config/config.ts';
import { TENANT_PATTERN } from '../config/tenant.ts';

export const DEFAULT_TTL_SECONDS = 900;
/** Too long a wish is cut, or answered as unsatisfiable; beyond this it is a mistake (some 68 years). */
const MAX_SECONDS = 2 ** 31 - 1;

const CONNECTION_ID = /^con_[0-9a-hjkmnp-tv-z]{26}$/;
const ASSET_ID = /^[A-Za-z0-9_.-]{1,128}$/;
const MODES: readonly unknown[] = ['gateway', 'token'] satisfies LeaseMode[];

/** `POST /v1/leases` (CONTRACT 6). */
export class LeaseRequest {
  /** The rules below in one glance, for the requests that keep them; see `InputValidationPipe`. A test holds the two together. */
  static isPlainlyValid(body: unknown): boolean {
    if (typeof body !== 'object' || body === null) return false;
    for (const [name, value] of Object.entries(body)) {
      const rule = FAST_RULES.get(name);
      if (rule === undefined || !rule(value)) return false;
    }
    return 'tenant' in body && 'product' in body;
  }

  @Matches(TENANT_PATTERN, { message: 'must be 1 to 128 characters of A-Z a-z 0-9 . _ : -' })
  tenant!: string;

  @IsIn(PRODUCTS)
  product!: Product;

  @IsOptional()
  @Matches(CONNECTION_ID, { message: 'must be the id of a connection (con_…)' })
  connection_id?: string;

  @IsOptional()
  @IsString()
  @Matches(ASSET_ID, { message: "must be Meta's id of an asset" })
  asset_id?: string;

  @IsOptional()
  @IsIn(MODES)
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
  ['asset_id', matches(ASSET_ID)],
  ['mode', (value: unknown) => MODES.includes(value)],
  ['ttl_seconds', isSeconds(1)],
  ['min_valid_seconds', isSeconds(0)],
]);

/** `POST /v1/leases/introspect` (RFC 7662). */
export class IntrospectionRequest {
  @IsString()
  @Matches(/^[\x21-\x7e]{1,4096}$/, { message: 'must be a token' })
  token!: string;
}
