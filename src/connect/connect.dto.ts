import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { ArrayMaxSize, ArrayMinSize, ArrayUnique, IsArray, IsIn, IsString, Matches, MaxLength } from 'class-validator';
import { PRODUCTS, type Product } from '../config/config.ts';
import { TENANT_PATTERN } from '../config/tenant.ts';
import { type Flow, flowsOf } from '../meta/dialog/product-scopes.ts';
import { IsOptionalNotNull } from '../platform/optional-field.ts';
import { invalidInputError } from '../platform/problem.ts';
import type { SignupIds } from './authorization/authorization-hints.ts';

const FLOWS: readonly Flow[] = ['facebook_login', 'instagram_login', 'threads_login', 'embedded_signup', 'import'];
/** CONTRACT 1 */
const SCOPE = /^[a-z0-9_]{1,64}$/;
const META_ID = /^[0-9]{1,32}$/;
/** Of two-step verification (META.md 8). A secret. */
const PIN = /^[0-9]{6}$/;
/** Codes and tokens have no documented end (META.md 19.3); these are far beyond any that was seen. */
const MAX_CODE_LENGTH = 4096;
const MAX_TOKEN_LENGTH = 8192;
const VISIBLE_ASCII = /^[\x21-\x7e]+$/;

/** Body of `POST /v1/connect-sessions`. */
export class CreateSessionRequest {
  @ApiProperty({ pattern: TENANT_PATTERN.source })
  @Matches(TENANT_PATTERN, { message: 'must be 1 to 128 of A-Z a-z 0-9 . _ : -' })
  @IsString()
  tenant!: string;

  @ApiProperty({ enum: PRODUCTS })
  @IsIn(PRODUCTS)
  product!: Product;

  @ApiProperty({ enum: FLOWS, description: 'Which flows a product has stands in /docs' })
  @IsIn(FLOWS)
  flow!: Flow;

  @ApiPropertyOptional({ description: 'Absolute, of an origin in RETURN_URL_ORIGINS' })
  @IsOptionalNotNull()
  @IsString()
  return_url?: string;

  @ApiPropertyOptional({ type: [String], description: "In place of the product's own; see /meta/config" })
  @IsOptionalNotNull()
  @Matches(SCOPE, { each: true, message: 'must be names of scopes (a-z 0-9 _)' })
  @ArrayUnique()
  @ArrayMaxSize(50)
  @ArrayMinSize(1)
  @IsArray()
  scopes?: string[];
}

/** The ids that Embedded Signup tells the page it runs on. */
export class SignupRequest {
  @ApiPropertyOptional()
  @IsOptionalNotNull()
  @Matches(META_ID, { message: 'must be an id of Meta, in digits' })
  @IsString()
  waba_id?: string;

  @ApiPropertyOptional()
  @IsOptionalNotNull()
  @Matches(META_ID, { message: 'must be an id of Meta, in digits' })
  @IsString()
  phone_number_id?: string;

  @ApiPropertyOptional()
  @IsOptionalNotNull()
  @Matches(META_ID, { message: 'must be an id of Meta, in digits' })
  @IsString()
  business_id?: string;
}

/** Body of `POST /connect/{token}/complete`. */
export class CompleteSignupRequest extends SignupRequest {
  @Matches(VISIBLE_ASCII, { message: 'must be a code as Meta gave it' })
  @MaxLength(MAX_CODE_LENGTH)
  @IsString()
  code!: string;
}

/** Body of `POST /v1/connect-sessions/{id}/complete`: a code, or a token. */
export class CompleteSessionRequest extends SignupRequest {
  @ApiPropertyOptional({ description: 'From FB.login; instead of access_token' })
  @IsOptionalNotNull()
  @Matches(VISIBLE_ASCII, { message: 'must be a code as Meta gave it' })
  @MaxLength(MAX_CODE_LENGTH)
  @IsString()
  code?: string;

  @ApiPropertyOptional({ description: "The dialog's, byte for byte; absent for codes of the JS SDK" })
  @IsOptionalNotNull()
  @Matches(/^https?:\/\/[\x21-\x7e]+$/, { message: 'must be an absolute http(s) address' })
  @MaxLength(2048)
  @IsString()
  redirect_uri?: string;

  @ApiPropertyOptional({ description: 'A token of this app; instead of code' })
  @IsOptionalNotNull()
  @Matches(VISIBLE_ASCII, { message: 'must be a token as Meta gave it' })
  @MaxLength(MAX_TOKEN_LENGTH)
  @IsString()
  access_token?: string;

  @ApiPropertyOptional({
    pattern: PIN.source,
    description:
      'WhatsApp: registers phone_number_id (or the only number) for the Cloud API once connected. Kept nowhere; how it ended stands on the number',
  })
  @IsOptionalNotNull()
  @Matches(PIN, { message: 'must be six digits' })
  @IsString()
  pin?: string;
}

/** Body of `POST /v1/connections/{id}/phone-numbers/{phone_number_id}/register`. */
export class RegisterPhoneNumberRequest {
  @ApiProperty({
    pattern: PIN.source,
    description: 'Set as the pin of two-step verification, or checked where that is on',
  })
  @Matches(PIN, { message: 'must be six digits' })
  @IsString()
  pin!: string;
}

/** Body of `POST /v1/connections/import`. */
export class ImportRequest {
  @ApiProperty({ pattern: TENANT_PATTERN.source })
  @Matches(TENANT_PATTERN, { message: 'must be 1 to 128 of A-Z a-z 0-9 . _ : -' })
  @IsString()
  tenant!: string;

  @ApiProperty({ enum: PRODUCTS })
  @IsIn(PRODUCTS)
  product!: Product;

  @ApiProperty()
  @Matches(VISIBLE_ASCII, { message: 'must be a token as Meta gave it' })
  @MaxLength(MAX_TOKEN_LENGTH)
  @IsString()
  access_token!: string;
}

/** The flow of a session that a person can go through. 400 for one that the product does not have, and for `import`. */
export function parseDialogFlow({ product, flow }: CreateSessionRequest): Exclude<Flow, 'import'> {
  if (flow === 'import') {
    throw invalidInputError(
      'flow',
      'cannot be import: no person is asked. Give the token to POST /v1/connections/import',
    );
  }
  const flows = flowsOf(product).filter((each) => each !== 'import');
  if (!flows.includes(flow)) throw invalidInputError('flow', `must be one of ${flows.join(', ')} for ${product}`);
  return flow;
}

/** A request's ids, without those that it does not give. */
export function toSignupIds({
  waba_id: wabaId,
  phone_number_id: phoneNumberId,
  business_id: businessId,
}: SignupRequest): SignupIds {
  return {
    ...(wabaId === undefined ? {} : { wabaId }),
    ...(phoneNumberId === undefined ? {} : { phoneNumberId }),
    ...(businessId === undefined ? {} : { businessId }),
  };
}
