import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateBy,
  ValidateNested,
} from 'class-validator';
import { LEASE_MODES, type LeaseMode } from '../auth/authenticated-client.ts';
import { type ClientIdentity, SUBJECT_PATTERN } from '../auth/client-identity.ts';
import { parseIpRange } from '../auth/limits/ip-allow-list.ts';
import { type AllowPolicy, findPatternError } from '../auth/policy/allow-policy.ts';
import { PRODUCTS } from '../config/config.ts';
import { IsOptionalNotNull } from '../platform/optional-field.ts';
import { AppError, type InputError, invalidRequest } from '../platform/problem.ts';

const MAX_RATE = 1_000_000;
const MAX_RANGES = 200;
const MAX_PATTERNS = 200;
const MAX_IDENTITIES = 50;
/** No user, query or fragment. Compared exactly with `iss` in tokens. */
const ISSUER = /^https?:\/\/[^\s?#@]+$/;
const VISIBLE = /^[\x21-\x7e]+$/;

const IsIpRange = (): PropertyDecorator =>
  ValidateBy(
    {
      name: 'isRange',
      validator: {
        validate: (value: unknown) => typeof value === 'string' && parseIpRange(value) !== null,
        defaultMessage: () => 'must be IP addresses or ranges such as 203.0.113.0/24 or 2001:db8::/32',
      },
    },
    { each: true },
  );

const IsAllowPolicy = (): PropertyDecorator =>
  ValidateBy({
    name: 'isAllowPolicyShape',
    validator: {
      validate: isAllowPolicyShape,
      defaultMessage: () =>
        `must be a list of at most ${MAX_PATTERNS} patterns such as "GET /*/insights", or such lists by ${PRODUCTS.join(', ')} or *`,
    },
  });

const PATTERNS = { type: 'array', maxItems: MAX_PATTERNS, items: { type: 'string' } } as const;

/** `allow` in the API document. */
export const ALLOW_POLICY = {
  nullable: true,
  oneOf: [
    PATTERNS,
    { type: 'object', properties: Object.fromEntries(['*', ...PRODUCTS].map((product) => [product, PATTERNS])) },
  ],
  example: { '*': ['GET /**'], whatsapp: ['POST /*/messages'] },
  description:
    'Graph calls allowed through the gateway: one list of `METHOD /path` for all products, or a list per product, with ' +
    '`*` for all others. Paths have no version; `*` matches one segment, a final `**` any number. Null: every call.',
};

/** A JWT that authenticates a client instead of a key. Responses show it in the same form. */
@ApiSchema({ name: 'ClientIdentity' })
export class IdentityRequest implements ClientIdentity {
  @ApiProperty({
    format: 'uri',
    maxLength: 500,
    description: '`iss` of the tokens: one of OIDC_ISSUERS',
    example: 'https://token.actions.githubusercontent.com',
  })
  @Matches(ISSUER, { message: 'must be the URL of an issuer, exactly as in its tokens' })
  @MaxLength(500)
  @IsString()
  issuer!: string;

  @ApiProperty({ maxLength: 500, description: '`aud` of the tokens: one of OIDC_AUDIENCE', example: 'metavault' })
  @Matches(VISIBLE, { message: 'must be an audience, exactly as in tokens' })
  @MaxLength(500)
  @IsString()
  audience!: string;

  @ApiProperty({
    maxLength: 500,
    description: '`sub` of the tokens, compared exactly',
    example: 'system:serviceaccount:shop:api',
  })
  @Matches(SUBJECT_PATTERN, { message: 'must be a subject, exactly as in tokens' })
  @IsString()
  subject!: string;
}

/** Fields common to `POST` and `PATCH` of a client. */
export abstract class ClientPolicyRequest {
  @ApiPropertyOptional({
    enum: LEASE_MODES,
    isArray: true,
    minItems: 1,
    uniqueItems: true,
    description: 'Kinds of leases it may get. A new client: `gateway` only.',
    example: ['gateway'],
  })
  @IsOptionalNotNull()
  @IsIn(LEASE_MODES, { each: true })
  @ArrayUnique()
  @ArrayMinSize(1)
  @IsArray()
  lease_modes?: LeaseMode[];

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 1,
    maximum: 3600,
    description: 'Maximum lifetime of its leases. A new client: 3,600.',
    example: 900,
  })
  @IsOptionalNotNull()
  @Max(3600)
  @Min(1)
  @IsInt()
  max_ttl_seconds?: number;

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 1,
    maximum: MAX_RATE,
    nullable: true,
    description: 'Calls to `/v1` per second and replica. Null: no limit, as for a new client.',
    example: 50,
  })
  @IsOptional()
  @Max(MAX_RATE)
  @Min(1)
  @IsInt()
  rate_limit_per_second?: number | null;

  @ApiPropertyOptional({
    ...ALLOW_POLICY,
    description: `${ALLOW_POLICY.description} Cannot be combined with the lease mode \`token\`.`,
  })
  @IsOptional()
  @IsAllowPolicy()
  allow?: unknown;

  @ApiPropertyOptional({
    nullable: true,
    type: [String],
    minItems: 1,
    maxItems: MAX_RANGES,
    uniqueItems: true,
    example: ['203.0.113.0/24', '2001:db8::/32'],
    description:
      'Addresses and ranges that calls may come from, including calls with its leases. Null: any address, as for a new ' +
      'client.',
  })
  @IsOptional()
  @IsIpRange()
  @ArrayUnique()
  @ArrayMaxSize(MAX_RANGES)
  @ArrayMinSize(1)
  @IsArray()
  ip_allow_list?: string[] | null;

  @ApiPropertyOptional({
    type: [IdentityRequest],
    maxItems: MAX_IDENTITIES,
    uniqueItems: true,
    description: 'JWTs of configured issuers that authenticate this client instead of a key. Replaces the whole list.',
  })
  @IsOptionalNotNull()
  @ValidateNested({ each: true })
  @IsObject({ each: true })
  @Type(() => IdentityRequest)
  @ArrayUnique((each: ClientIdentity | null) => JSON.stringify([each?.issuer, each?.audience, each?.subject]))
  @ArrayMaxSize(MAX_IDENTITIES)
  @IsArray()
  identities?: IdentityRequest[];
}

/** Validates each pattern of `allow` and returns it. Throws 400 `invalid_request`, naming each invalid one. */
export function parseAllowPolicy(value: unknown): AllowPolicy | null {
  if (value === null) return null;
  const lists = Array.isArray(value)
    ? ([['allow', value]] as const)
    : Object.entries(value as object).map(([product, list]) => [`allow.${product}`, list as unknown[]] as const);
  const errors: InputError[] = lists.flatMap(([path, list]) =>
    list.flatMap((pattern, index) => {
      const message = findPatternError(pattern);
      return message === null ? [] : [{ path: `${path}[${index}]`, message }];
    }),
  );
  if (errors.length > 0) {
    throw new AppError(invalidRequest, { detail: errors.map(({ path }) => path).join(', '), errors });
  }
  return value as AllowPolicy;
}

function isAllowPolicyShape(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.length <= MAX_PATTERNS && value.every((item) => typeof item === 'string');
  return Object.entries(value).every(
    ([product, list]) =>
      (product === '*' || PRODUCTS.some((each) => each === product)) && Array.isArray(list) && isAllowPolicyShape(list),
  );
}
