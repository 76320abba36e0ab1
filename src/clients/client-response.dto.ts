import { ApiProperty } from '@nestjs/swagger';
import { LEASE_MODES, type LeaseMode, ROLES, type Role } from '../auth/authenticated-client.ts';
import type { ClientIdentity } from '../auth/client-identity.ts';
import type { ClientDetailsRow, ClientKeyRow } from '../auth/client-row.ts';
import type { ClientId } from '../auth/ids.ts';
import type { AllowPolicy } from '../auth/policy/allow-policy.ts';
import { PRODUCTS } from '../config/products.ts';
import { exampleId, INSTANT, INSTANT_OR_NULL } from '../platform/openapi/examples.ts';
import { ALLOW_POLICY, IdentityRequest } from './client-policy-request.dto.ts';
import type { CreatedClient, IssuedKey } from './clients.service.ts';

const API_KEY = {
  description: 'Send it as `Authorization: Bearer`. It is shown once, in this answer.',
  example: 'mtv_Zb2kq8fJx0uT5w3yR7nLcVd1mPs9hGe4aKtQoYi6XzE',
};
const API_KEY_EXPIRES_AT = { ...INSTANT_OR_NULL, description: 'Null: it works until it is replaced' };
const LAST_USED_AT = { ...INSTANT_OR_NULL, description: 'Accurate to a minute. Null: never.' };

/** A client in API responses. */
export class ClientResponse {
  @ApiProperty({ type: String, example: exampleId('cli') })
  id!: ClientId;

  @ApiProperty({ example: 'shop' })
  name!: string;

  @ApiProperty({ enum: ROLES, example: 'service' })
  role!: Role;

  @ApiProperty({ type: [String], description: '`["*"]` means all', example: ['acme', 'globex'] })
  tenants!: string[];

  @ApiProperty({
    enum: ['*', ...PRODUCTS],
    isArray: true,
    description: '`["*"]` means all',
    example: ['pages', 'instagram'],
  })
  products!: string[];

  @ApiProperty({
    enum: LEASE_MODES,
    isArray: true,
    description: 'Kinds of leases it may get',
    example: ['gateway'],
  })
  lease_modes!: LeaseMode[];

  @ApiProperty({ type: 'integer', description: 'Maximum lifetime of its leases', example: 3600 })
  max_ttl_seconds!: number;

  @ApiProperty({
    type: 'integer',
    nullable: true,
    description: 'Calls to `/v1` per second and replica; null: no limit',
    example: 50,
  })
  rate_limit_per_second!: number | null;

  @ApiProperty({ ...ALLOW_POLICY, description: `${ALLOW_POLICY.description} As given.` })
  allow!: AllowPolicy | null;

  @ApiProperty({
    type: [String],
    nullable: true,
    description: 'Addresses and ranges that its calls may come from; null: any address',
    example: ['203.0.113.0/24'],
  })
  ip_allow_list!: string[] | null;

  @ApiProperty({ type: [IdentityRequest], description: 'JWTs that authenticate it instead of a key' })
  identities!: ClientIdentity[];

  @ApiProperty(INSTANT)
  created_at!: string;

  @ApiProperty(LAST_USED_AT)
  last_used_at!: string | null;
}

/** Response of `POST /v1/clients`. */
export class CreatedClientResponse extends ClientResponse {
  @ApiProperty(API_KEY)
  api_key!: string;

  @ApiProperty(API_KEY_EXPIRES_AT)
  api_key_expires_at!: string | null;
}

export class ClientKeyResponse {
  @ApiProperty(INSTANT)
  created_at!: string;

  @ApiProperty(API_KEY_EXPIRES_AT)
  expires_at!: string | null;

  @ApiProperty(LAST_USED_AT)
  last_used_at!: string | null;
}

/** A client with what the API shows of its keys. */
export class ClientWithKeysResponse extends ClientResponse {
  @ApiProperty({ type: [ClientKeyResponse], description: 'Its valid keys, oldest first' })
  keys!: ClientKeyResponse[];
}

/** Response of `POST /v1/clients/{id}/keys`. */
export class IssuedKeyResponse {
  @ApiProperty(API_KEY)
  api_key!: string;

  @ApiProperty(API_KEY_EXPIRES_AT)
  api_key_expires_at!: string | null;

  @ApiProperty({ type: 'integer', minimum: 0, description: 'As requested', example: 86_400 })
  grace_seconds!: number;

  @ApiProperty({ ...INSTANT, description: 'When all older keys of the client end at the latest' })
  previous_keys_expire_at!: string;
}

export function toClientResponse({ policy_version: _, ...row }: ClientDetailsRow): ClientResponse {
  return {
    ...row,
    created_at: row.created_at.toISOString(),
    last_used_at: row.last_used_at?.toISOString() ?? null,
  };
}

export function toClientWithKeysResponse(
  row: ClientDetailsRow,
  keys: ReadonlyMap<string, ClientKeyRow[]>,
): ClientWithKeysResponse {
  return { ...toClientResponse(row), keys: (keys.get(row.id) ?? []).map(toClientKeyResponse) };
}

export function toCreatedClientResponse({ client, apiKey, keyExpiresAt }: CreatedClient): CreatedClientResponse {
  return {
    ...toClientResponse(client),
    api_key: apiKey.expose(),
    api_key_expires_at: keyExpiresAt?.toISOString() ?? null,
  };
}

export function toIssuedKeyResponse(issued: IssuedKey, graceSeconds: number): IssuedKeyResponse {
  return {
    api_key: issued.apiKey.expose(),
    api_key_expires_at: issued.expiresAt?.toISOString() ?? null,
    grace_seconds: graceSeconds,
    previous_keys_expire_at: issued.previousKeysExpireAt.toISOString(),
  };
}

function toClientKeyResponse(row: ClientKeyRow): ClientKeyResponse {
  return {
    created_at: row.created_at.toISOString(),
    expires_at: row.expires_at?.toISOString() ?? null,
    last_used_at: row.last_used_at?.toISOString() ?? null,
  };
}
