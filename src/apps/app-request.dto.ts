import { applyDecorators } from '@nestjs/common';
import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import { TENANT_OR_ALL_PATTERN } from '../config/tenant.ts';
import { DAY_SECONDS } from '../platform/duration.ts';
import { IsOptionalNotNull } from '../platform/optional-field.ts';
import { invalidInputError } from '../platform/problem.ts';
import { SecretString } from '../platform/secret-string.ts';
import type { AppChange, InnerApp, NewApp } from './app-changes.ts';
import type { LoginConfigIds } from './app-row.ts';

const MAX_TENANTS = 10_000;
const MAX_GRACE_SECONDS = 30 * DAY_SECONDS;
export const META_ID = /^[0-9]{1,32}$/;
const NAME = /^(?=.*\S)[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]+$/u;
/** Meta's secrets are 32 hexadecimal digits now; other forms may follow. */
const SECRET = /^[\x21-\x7e]{8,256}$/;
const VERSION = /^v\d{1,3}\.\d{1,2}$/;

const AppId = (): PropertyDecorator =>
  applyDecorators(
    ApiProperty({ pattern: META_ID.source, description: "Meta's id of the app", example: '1029384756102938' }),
    Matches(META_ID, { message: 'must be an id of Meta, in digits' }),
    IsString(),
  );

const AppSecret = (): PropertyDecorator =>
  applyDecorators(
    ApiProperty({
      pattern: SECRET.source,
      description: 'From the app dashboard. It is sealed, and never shown again.',
      example: '0123456789abcdef0123456789abcdef',
    }),
    Matches(SECRET, { message: 'must be 8 to 256 characters of visible ASCII without spaces' }),
    IsString(),
  );

const ConfigId = (): PropertyDecorator =>
  applyDecorators(
    ApiPropertyOptional({ pattern: META_ID.source, example: '1384729102938475' }),
    IsOptionalNotNull(),
    Matches(META_ID, { message: 'must be an id of Meta, in digits' }),
    IsString(),
  );

@ApiSchema({ name: 'InnerApp' })
class InnerAppRequest {
  @AppId()
  app_id!: string;

  @AppSecret()
  app_secret!: string;
}

@ApiSchema({ name: 'LoginConfigIds' })
class LoginConfigIdsRequest {
  @ConfigId()
  whatsapp?: string;

  @ConfigId()
  instagram?: string;

  @ConfigId()
  ads?: string;

  @ConfigId()
  pages?: string;
}

const InnerAppField = (what: string): PropertyDecorator =>
  applyDecorators(
    ApiPropertyOptional({ type: InnerAppRequest, nullable: true, description: `Its ${what} app; null: none` }),
    IsOptional(),
    ValidateNested(),
    Type(() => InnerAppRequest),
    IsObject(),
  );

const Tenants = (): PropertyDecorator =>
  applyDecorators(
    IsArray(),
    ArrayMinSize(1),
    ArrayMaxSize(MAX_TENANTS),
    ArrayUnique(),
    Matches(TENANT_OR_ALL_PATTERN, { each: true, message: 'must be tenant names, or ["*"] for all' }),
  );

const TENANTS_SCHEMA = {
  type: 'array',
  items: { type: 'string', pattern: TENANT_OR_ALL_PATTERN.source },
  minItems: 1,
  maxItems: MAX_TENANTS,
  uniqueItems: true,
  description: 'Whom it serves; `["*"]` means all',
  example: ['acme'],
} as const;

const NAME_SCHEMA = { maxLength: 200, description: 'For people', example: 'Acme' };

/** Fields that both bodies have. */
class AppSettingsRequest {
  @InnerAppField('Instagram')
  instagram?: InnerAppRequest | null;

  @InnerAppField('Threads')
  threads?: InnerAppRequest | null;

  @ApiPropertyOptional({ type: LoginConfigIdsRequest, description: 'Its Facebook Login for Business configurations' })
  @IsOptionalNotNull()
  @ValidateNested()
  @Type(() => LoginConfigIdsRequest)
  @IsObject()
  login_config_ids?: LoginConfigIdsRequest;

  @ApiPropertyOptional({
    type: String,
    pattern: VERSION.source,
    nullable: true,
    description: "The version of Meta's API to call with; null: the environment's",
    example: 'v26.0',
  })
  @IsOptional()
  @Matches(VERSION, { message: 'must look like v26.0' })
  @IsString()
  graph_api_version?: string | null;

  @ApiPropertyOptional({
    pattern: SECRET.source,
    description:
      'The token that Meta sends in its webhook handshake. If absent when the app is created, one is generated.',
    example: 'a-secret-of-yours',
  })
  @IsOptionalNotNull()
  @Matches(SECRET, { message: 'must be 8 to 256 characters of visible ASCII without spaces' })
  @IsString()
  webhook_verify_token?: string;
}

/** Body of `POST /v1/apps`. */
export class CreateAppRequest extends AppSettingsRequest {
  @AppId()
  app_id!: string;

  @AppSecret()
  app_secret!: string;

  @ApiProperty(NAME_SCHEMA)
  @Matches(NAME, { message: 'must be text without control characters' })
  @MaxLength(200)
  @IsString()
  name!: string;

  @ApiProperty(TENANTS_SCHEMA)
  @Tenants()
  tenants!: string[];
}

/** Body of `PATCH /v1/apps/{app_id}`. Absent fields stay unchanged. */
export class UpdateAppRequest extends AppSettingsRequest {
  @ApiPropertyOptional(NAME_SCHEMA)
  @IsOptionalNotNull()
  @Matches(NAME, { message: 'must be text without control characters' })
  @MaxLength(200)
  @IsString()
  name?: string;

  @ApiPropertyOptional(TENANTS_SCHEMA)
  @IsOptionalNotNull()
  @Tenants()
  tenants?: string[];
}

/** Body of `POST /v1/apps/{app_id}/secret`. */
export class RotateAppSecretRequest {
  @AppSecret()
  app_secret!: string;

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 0,
    maximum: MAX_GRACE_SECONDS,
    default: DAY_SECONDS,
    description: 'How long signatures made with the old secret are accepted. 0: not at all, for a leaked secret.',
  })
  @IsOptionalNotNull()
  @Max(MAX_GRACE_SECONDS)
  @Min(0)
  @IsInt()
  grace_seconds: number = DAY_SECONDS;
}

/** Converts a validated request. Throws 400 `invalid_request`. */
export function toNewApp(request: CreateAppRequest): NewApp {
  return {
    appId: request.app_id,
    secret: new SecretString(request.app_secret),
    name: request.name,
    tenants: checkedTenants(request.tenants),
    instagram: toInnerApp(request.instagram),
    threads: toInnerApp(request.threads),
    loginConfigIds: toLoginConfigIds(request.login_config_ids),
    graphApiVersion: request.graph_api_version ?? null,
    verifyToken: request.webhook_verify_token === undefined ? null : new SecretString(request.webhook_verify_token),
  };
}

/** Converts a validated request. Throws 400 `invalid_request`. */
export function toAppChange(request: UpdateAppRequest): AppChange {
  return {
    ...(request.name === undefined ? {} : { name: request.name }),
    ...(request.tenants === undefined ? {} : { tenants: checkedTenants(request.tenants) }),
    ...(request.instagram === undefined ? {} : { instagram: toInnerApp(request.instagram) }),
    ...(request.threads === undefined ? {} : { threads: toInnerApp(request.threads) }),
    ...(request.login_config_ids === undefined ? {} : { loginConfigIds: toLoginConfigIds(request.login_config_ids) }),
    ...(request.graph_api_version === undefined ? {} : { graphApiVersion: request.graph_api_version }),
    ...(request.webhook_verify_token === undefined
      ? {}
      : { verifyToken: new SecretString(request.webhook_verify_token) }),
  };
}

function checkedTenants(tenants: string[]): string[] {
  if (tenants.includes('*') && tenants.length > 1)
    throw invalidInputError('tenants', 'must be tenant names, or ["*"] alone for all');
  return tenants;
}

function toInnerApp(given: InnerAppRequest | null | undefined): InnerApp | null {
  return given === null || given === undefined
    ? null
    : { id: given.app_id, secret: new SecretString(given.app_secret) };
}

function toLoginConfigIds(given: LoginConfigIdsRequest | undefined): LoginConfigIds {
  const { whatsapp, instagram, ads, pages } = given ?? {};
  return {
    ...(whatsapp === undefined ? {} : { whatsapp }),
    ...(instagram === undefined ? {} : { instagram }),
    ...(ads === undefined ? {} : { ads }),
    ...(pages === undefined ? {} : { pages }),
  };
}
