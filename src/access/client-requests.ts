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
import { PRODUCTS, type Product } from '../config/config.ts';
import type { LeaseMode, Role } from './caller.ts';
import type { NewClient } from './client-store.ts';

const ROLES: readonly Role[] = ['service', 'admin', 'auditor'];
const LEASE_MODES: readonly LeaseMode[] = ['gateway', 'token'];
const MAX_TENANTS = 10_000;
const MAX_RATE = 1_000_000;
const DAY_SECONDS = 86_400;
/** `*`, or a tenant as CONTRACT 1 has it. */
const TENANT_OR_ALL = /^(?:\*|[A-Za-z0-9._:-]{1,128})$/;
/** Something to read, and nothing that a terminal, a log or Postgres (U+0000) would stumble over. */
const NAME = /^(?=.*\S)[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]+$/u;

/** Absent is fine; null is not, because it would read like "none". */
const IfGiven = (): PropertyDecorator => ValidateIf((_, value) => value !== undefined);
/** A service must say what it may reach; admins and auditors reach everything unless they say less. */
const ForServicesOrIfGiven = (): PropertyDecorator =>
  ValidateIf(({ role }: { role: unknown }, value) => role === 'service' || value !== undefined);

/** Body of `POST /v1/clients`. */
export class CreateClientRequest {
  @ApiProperty({ maxLength: 200 })
  @Matches(NAME, { message: 'must be text without control characters' })
  @MaxLength(200)
  @IsString()
  name!: string;

  @ApiProperty({ enum: ROLES })
  @IsIn(ROLES)
  role!: Role;

  @ApiPropertyOptional({ type: [String], description: '["*"] is all. Required for a service; default ["*"] otherwise' })
  @ForServicesOrIfGiven()
  @Matches(TENANT_OR_ALL, { each: true, message: 'must be tenants, or ["*"] for all' })
  @ArrayUnique()
  @ArrayMaxSize(MAX_TENANTS)
  @ArrayMinSize(1)
  @IsArray()
  tenants?: string[];

  @ApiPropertyOptional({
    enum: ['*', ...PRODUCTS],
    isArray: true,
    description: '["*"] is all. Required for a service; default ["*"] otherwise',
  })
  @ForServicesOrIfGiven()
  @IsIn(['*', ...PRODUCTS], { each: true })
  @ArrayUnique()
  @ArrayMinSize(1)
  @IsArray()
  products?: (Product | '*')[];

  @ApiPropertyOptional({ enum: LEASE_MODES, isArray: true, default: ['gateway'] })
  @IfGiven()
  @IsIn(LEASE_MODES, { each: true })
  @ArrayUnique()
  @ArrayMinSize(1)
  @IsArray()
  lease_modes?: LeaseMode[];

  @ApiPropertyOptional({
    minimum: 1,
    maximum: 3600,
    default: 3600,
    description: 'The longest lease this client may have',
  })
  @IfGiven()
  @Max(3600)
  @Min(1)
  @IsInt()
  max_ttl_seconds?: number;

  @ApiPropertyOptional({ minimum: 1, nullable: true, type: Number, description: 'Null or absent is no limit' })
  @ValidateIf((_, value) => value !== undefined && value !== null)
  @Max(MAX_RATE)
  @Min(1)
  @IsInt()
  rate_limit_per_second?: number | null;
}

/** Body of `POST /v1/clients/{id}/keys`; may be absent as a whole. */
export class IssueKeyRequest {
  @ApiPropertyOptional({
    minimum: 0,
    maximum: 30 * DAY_SECONDS,
    default: DAY_SECONDS,
    description: 'How long the older keys still work. 0 ends them at once',
  })
  @IfGiven()
  @Max(30 * DAY_SECONDS)
  @Min(0)
  @IsInt()
  grace_seconds: number = DAY_SECONDS;
}

/** The store's words for a request that was validated. */
export function toNewClient(request: CreateClientRequest): NewClient {
  return {
    name: request.name,
    role: request.role,
    tenants: request.tenants ?? ['*'],
    products: request.products ?? ['*'],
    ...(request.lease_modes === undefined ? {} : { leaseModes: request.lease_modes }),
    ...(request.max_ttl_seconds === undefined ? {} : { maxTtlSeconds: request.max_ttl_seconds }),
    rateLimitPerSecond: request.rate_limit_per_second ?? null,
  };
}
