import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsString, Matches, MaxLength } from 'class-validator';
import { LEASE_MODES, type LeaseMode } from '../../auth/authenticated-client.ts';
import { PRODUCTS, type Product } from '../../config/products.ts';
import { TENANT_PATTERN } from '../../config/tenant.ts';
import { IsOptionalNotNull } from '../../platform/optional-field.ts';

const METHODS = ['GET', 'POST', 'DELETE', 'PUT', 'PATCH', 'HEAD'] as const;

/** Body of `POST /v1/clients/{id}/policy-test`. */
export class PolicyTestRequest {
  @ApiProperty({ enum: METHODS, description: 'Method of the Graph call', example: 'POST' })
  @IsIn(METHODS)
  method!: (typeof METHODS)[number];

  @ApiProperty({
    maxLength: 1000,
    description: 'Path of the call as at the Graph API, with or without a version and `/graph`, without a query',
    example: '/106540352242922/messages',
  })
  @Matches(/^\/[^?#\s]*$/, { message: 'must be a path such as /106540352242922/messages, without a query' })
  @MaxLength(1000)
  @IsString()
  path!: string;

  @ApiPropertyOptional({ enum: PRODUCTS, description: 'Of the connection. Absent: every product of the client.' })
  @IsOptionalNotNull()
  @IsIn(PRODUCTS)
  product?: Product;

  @ApiPropertyOptional({
    pattern: TENANT_PATTERN.source,
    description: 'Of the connection. Absent: one that the client may use.',
    example: 'acme',
  })
  @IsOptionalNotNull()
  @Matches(TENANT_PATTERN, { message: 'must be 1 to 128 of A-Z, a-z, 0-9, ".", "_", ":", "-"' })
  @IsString()
  tenant?: string;

  @ApiPropertyOptional({
    enum: LEASE_MODES,
    default: 'gateway',
    description: 'How the client would call: with `token`, Meta is called directly, and no call is judged.',
  })
  @IsOptionalNotNull()
  @IsIn(LEASE_MODES)
  mode: LeaseMode = 'gateway';
}

/** Rules that may refuse. */
export const POLICY_RULES = ['role', 'tenants', 'products', 'lease_modes', 'allow', 'gateway'] as const;

export class PolicyVerdictResponse {
  @ApiProperty({ enum: PRODUCTS })
  product!: Product;

  @ApiProperty({ example: true })
  allowed!: boolean;

  @ApiProperty({
    type: 'string',
    enum: POLICY_RULES,
    nullable: true,
    description: 'The field of the client, or the rules of the gateway for everybody, that refuses; null: allowed',
    example: null,
  })
  rule!: (typeof POLICY_RULES)[number] | null;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The pattern of `allow` that allows it; null: refused, or every call is allowed',
    example: 'POST /*/messages',
  })
  pattern!: string | null;

  @ApiProperty({ description: 'Why, in words', example: 'The pattern POST /*/messages allows it.' })
  reason!: string;
}

/** Response of `POST /v1/clients/{id}/policy-test`. */
export class PolicyTestResponse {
  @ApiProperty({ description: 'Whether all of `results` are allowed', example: true })
  allowed!: boolean;

  @ApiProperty({ type: [PolicyVerdictResponse], description: 'One for each product' })
  results!: PolicyVerdictResponse[];
}
