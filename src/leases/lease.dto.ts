import { IsIn, IsInt, IsOptional, IsString, Matches, Max, Min } from 'class-validator';
import type { LeaseMode } from '../auth/authenticated-client.ts';
import type { ClientId } from '../auth/ids.ts';
import { PRODUCTS, type Product } from '../config/config.ts';
import { TENANT_PATTERN } from '../config/tenant.ts';
import type { ConnectionId, CredentialId } from '../connections/ids.ts';
import type { LeaseId } from './ids.ts';

export const DEFAULT_TTL_SECONDS = 900;
/** Longer durations are capped, or refused as unsatisfiable; beyond this (68 years) the request is malformed. */
const MAX_SECONDS = 2 ** 31 - 1;

const CONNECTION_ID = /^con_[0-9a-hjkmnp-tv-z]{26}$/;
const ASSET_ID = /^[A-Za-z0-9_.-]{1,128}$/;
const MODES: readonly unknown[] = ['gateway', 'token'] satisfies LeaseMode[];

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

  @Matches(TENANT_PATTERN, { message: 'must be 1 to 128 characters of A-Z a-z 0-9 . _ : -' })
  tenant!: string;

  @IsIn(PRODUCTS)
  product!: Product;

  @IsOptional()
  @Matches(CONNECTION_ID, { message: 'must be the id of a connection (con_…)' })
  connection_id?: ConnectionId;

  @IsOptional()
  @IsString()
  @Matches(ASSET_ID, { message: "must be Meta's id of an asset" })
  asset_id?: string;

  @IsOptional()
  @IsIn(MODES)
  mode?: LeaseMode;

  /** Seconds; capped at the client's maximum, not refused. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(MAX_SECONDS)
  ttl_seconds?: number;

  /** Seconds that Meta's token must remain valid. */
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

/** Response of `POST /v1/leases`, the only one that may contain a Meta token. */
export interface IssuedLeaseResponse {
  lease_id: LeaseId;
  mode: LeaseMode;
  access_token: string;
  token_type: 'Bearer';
  expires_in: number;
  expires_at: string;
  scopes: string[];
  /** Scopes that the product needs and the token lacks, if any: calls needing them fail until the user reconnects. */
  missing_scopes?: string[];
  connection_id: ConnectionId;
  credential_id: CredentialId;
  credential_version: number;
  asset?: { type: string; id: string; name: string | null };
  graph_base_url: string;
  token_expires_at: string | null;
  appsecret_proof?: string;
}

/** A lease as clients and admins see it; never its token. */
export interface LeaseResponse {
  lease_id: LeaseId;
  mode: LeaseMode;
  status: 'active' | 'ended' | 'expired';
  client_id: ClientId;
  tenant: string;
  product: string;
  connection_id: ConnectionId;
  credential_id: CredentialId;
  credential_version: number;
  asset?: { type: string; id: string };
  issued_at: string;
  expires_at: string;
  ended_at: string | null;
}

/** RFC 7662, section 2.2, with our ids as an extension. */
export type IntrospectionResponse =
  | { active: false }
  | {
      active: true;
      scope: string;
      client_id: ClientId;
      token_type: 'Bearer';
      exp: number;
      iat: number;
      sub: string;
      iss: string;
      lease_id: LeaseId;
      tenant: string;
      product: string;
      connection_id: ConnectionId;
      credential_id: CredentialId;
    };
