import { applyDecorators } from '@nestjs/common';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsIn,
  IsInt,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateIf,
} from 'class-validator';
import { ROLES, type Role } from '../auth/authenticated-client.ts';
import type { ClientIdentity } from '../auth/client-identity.ts';
import { PRODUCTS, type Product } from '../config/config.ts';
import { TENANT_OR_ALL_PATTERN } from '../config/tenant.ts';
import { DAY_SECONDS } from '../platform/duration.ts';
import { parseInstant } from '../platform/instant.ts';
import { INSTANT } from '../platform/openapi/examples.ts';
import { IsOptionalNotNull } from '../platform/optional-field.ts';
import { invalidInputError } from '../platform/problem.ts';
import { ClientPolicyRequest, parseAllowPolicy } from './client-policy-request.dto.ts';
import type { ClientChange } from './client-updater.ts';
import type { KeyExpiry, NewClient } from './clients.service.ts';

const MAX_TENANTS = 10_000;
const MAX_KEY_SECONDS = 3650 * DAY_SECONDS;
/** Printable text, without characters that terminals, logs or Postgres (U+0000) can't handle. */
const NAME = /^(?=.*\S)[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]+$/u;

/** Which requests need a list, and its description in the API document. */
interface ListRequirement {
  condition: () => PropertyDecorator;
  description: string;
}
/** Services must name tenants and products; admins and auditors default to all. */
const TENANTS_BY_ROLE: ListRequirement = {
  condition: () =>
    ValidateIf(
      ({ role }: { role: unknown }, value) => role === 'service' || role === 'tenant_admin' || value !== undefined,
    ),
  description:
    '`["*"]` means all. Required for a service and for a tenant_admin, who cannot have `["*"]`; other roles default to it.',
};
const PRODUCTS_BY_ROLE: ListRequirement = {
  condition: () => ValidateIf(({ role }: { role: unknown }, value) => role === 'service' || value !== undefined),
  description: '`["*"]` means all. Required for a service; other roles default to `["*"]`.',
};
const ALWAYS_OPTIONAL: ListRequirement = {
  condition: IsOptionalNotNull,
  description: '`["*"]` means all. Replaces the whole list.',
};

// `applyDecorators` applies its first decorator first, unlike stacked decorators. Errors appear in this order.

const Tenants = ({ condition, description }: ListRequirement): PropertyDecorator =>
  applyDecorators(
    IsArray(),
    ArrayMinSize(1),
    ArrayMaxSize(MAX_TENANTS),
    ArrayUnique(),
    Matches(TENANT_OR_ALL_PATTERN, { each: true, message: 'must be tenant names, or ["*"] for all' }),
    condition(),
    ApiPropertyOptional({
      type: 'array',
      items: { type: 'string', pattern: TENANT_OR_ALL_PATTERN.source },
      minItems: 1,
      maxItems: MAX_TENANTS,
      uniqueItems: true,
      description,
      example: ['acme', 'globex'],
    }),
  );

const Products = ({ condition, description }: ListRequirement): PropertyDecorator =>
  applyDecorators(
    IsArray(),
    ArrayMinSize(1),
    ArrayUnique(),
    IsIn(['*', ...PRODUCTS], { each: true }),
    condition(),
    ApiPropertyOptional({
      enum: ['*', ...PRODUCTS],
      isArray: true,
      minItems: 1,
      uniqueItems: true,
      description,
      example: ['pages', 'instagram'],
    }),
  );

/** Lifetime of a key; `key` is its name in the API document. */
const ExpiresInSeconds = (key: string): PropertyDecorator =>
  applyDecorators(
    IsInt(),
    Min(1),
    Max(MAX_KEY_SECONDS),
    IsOptionalNotNull(),
    ApiPropertyOptional({
      type: 'integer',
      minimum: 1,
      maximum: MAX_KEY_SECONDS,
      description: `Lifetime of ${key}. Absent: until it is replaced.`,
      example: 90 * DAY_SECONDS,
    }),
  );

const ExpiresAt = (): PropertyDecorator =>
  applyDecorators(
    IsString(),
    MaxLength(64),
    IsOptionalNotNull(),
    ApiPropertyOptional({ ...INSTANT, description: 'Alternative to `expires_in_seconds`' }),
  );

/** Body of `POST /v1/clients`. */
export class CreateClientRequest extends ClientPolicyRequest {
  @ApiProperty({ maxLength: 200, description: 'For people, in lists and in the audit record', example: 'shop' })
  @Matches(NAME, { message: 'must be text without control characters' })
  @MaxLength(200)
  @IsString()
  name!: string;

  @ApiProperty({
    enum: ROLES,
    description:
      '`service` connects customers and takes leases, `admin` manages everything, `auditor` reads, `tenant_admin` manages ' +
      'apps and connections of its tenants. Cannot be changed.',
    example: 'service',
  })
  @IsIn(ROLES)
  role!: Role;

  @Tenants(TENANTS_BY_ROLE)
  tenants?: string[];

  @Products(PRODUCTS_BY_ROLE)
  products?: (Product | '*')[];

  @ExpiresInSeconds('the key')
  expires_in_seconds?: number;

  @ExpiresAt()
  expires_at?: string;
}

/** Body of `PATCH /v1/clients/{id}`. Absent fields stay unchanged; the role can't be changed. */
export class UpdateClientRequest extends ClientPolicyRequest {
  @ApiPropertyOptional({
    maxLength: 200,
    description: 'For people, in lists and in the audit record',
    example: 'shop',
  })
  @IsOptionalNotNull()
  @Matches(NAME, { message: 'must be text without control characters' })
  @MaxLength(200)
  @IsString()
  name?: string;

  @Tenants(ALWAYS_OPTIONAL)
  tenants?: string[];

  @Products(ALWAYS_OPTIONAL)
  products?: (Product | '*')[];
}

/** Body of `POST /v1/clients/{id}/keys`. The whole body is optional. */
export class IssueKeyRequest {
  @ApiPropertyOptional({
    type: 'integer',
    minimum: 0,
    maximum: 30 * DAY_SECONDS,
    default: DAY_SECONDS,
    description: 'How long older keys keep working. 0 ends them at once.',
  })
  @IsOptionalNotNull()
  @Max(30 * DAY_SECONDS)
  @Min(0)
  @IsInt()
  grace_seconds: number = DAY_SECONDS;

  @ExpiresInSeconds('the new key')
  expires_in_seconds?: number;

  @ExpiresAt()
  expires_at?: string;
}

/** Converts a validated request. Throws 400 `invalid_request`. */
export function toNewClient(request: CreateClientRequest): NewClient {
  return {
    name: request.name,
    role: request.role,
    tenants: request.tenants ?? ['*'],
    products: request.products ?? ['*'],
    ...(request.lease_modes === undefined ? {} : { leaseModes: request.lease_modes }),
    ...(request.max_ttl_seconds === undefined ? {} : { maxTtlSeconds: request.max_ttl_seconds }),
    rateLimitPerSecond: request.rate_limit_per_second ?? null,
    allow: parseAllowPolicy(request.allow ?? null),
    ipAllowList: request.ip_allow_list ?? null,
    identities: toIdentities(request.identities ?? []),
    keyExpiry: toKeyExpiry(request),
  };
}

/** Returns the requested changes by column. Throws 400 `invalid_request`. */
export function toClientChange(request: UpdateClientRequest): ClientChange {
  const { allow, identities, ...others } = request;
  // Properties missing in the body are present as undefined.
  const given = Object.fromEntries(Object.entries(others).filter(([, value]) => value !== undefined));
  return {
    ...given,
    ...(allow === undefined ? {} : { allow: parseAllowPolicy(allow) }),
    ...(identities === undefined ? {} : { identities: toIdentities(identities) }),
  };
}

/** Returns when a requested key expires. Throws 400 `invalid_request`. */
export function toKeyExpiry(request: { expires_in_seconds?: number; expires_at?: string }): KeyExpiry {
  const { expires_in_seconds: seconds, expires_at: instant } = request;
  if (instant === undefined) return seconds === undefined ? null : { seconds };
  if (seconds !== undefined) throw invalidInputError('expires_at', 'cannot be combined with expires_in_seconds');
  return { at: parseInstant('expires_at', instant) };
}

function toIdentities(identities: readonly ClientIdentity[]): ClientIdentity[] {
  return identities.map(({ issuer, audience, subject }) => ({ issuer, audience, subject }));
}
