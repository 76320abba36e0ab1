import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsBoolean,
  IsIn,
  IsObject,
  IsString,
  Matches,
  MaxLength,
  ValidateNested,
} from 'class-validator';
import { FLOWS, type Flow, PRODUCTS, type Product } from '../../config/products.ts';
import { TENANT_PATTERN } from '../../config/tenant.ts';
import type { ConnectionId } from '../../connections/ids.ts';
import { LOCALES, type Locale } from '../../customer-pages/locale.ts';
import { FEATURE_TYPES, type FeatureType } from '../../meta/dialog/embedded-signup.ts';
import type { JsSdkParameters } from '../../meta/dialog/js-sdk-parameters.ts';
import { IsOptionalNotNull } from '../../platform/optional-field.ts';
import { invalidInputError } from '../../platform/problem.ts';
import type { ConnectErrorCode } from '../connect-problems.ts';
import type { ConnectSession, ExpectedAccount, StoredProgress, UnfinishedSignup } from '../connect-session.ts';
import { SignupRequest } from '../embedded-signup.dto.ts';
import type { ConnectSessionId } from '../ids.ts';
import { IsAccessToken, IsCode, IsPin, PIN_PATTERN } from '../request-fields.ts';
import type { SESSION_STATUSES } from './session-status.ts';

const FEATURE = /^[a-z_]{1,64}$/;
const SCOPE = /^[a-z0-9_]{1,64}$/;
const META_ID = /^[0-9]{1,32}$/;
const MAX_TENANT_NAME_LENGTH = 100;
/** Not blank; no control characters, none that change the text direction. */
const DISPLAY_NAME = /^(?=.*\S)[^\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]+$/u;

class ExpectedAccountRequest {
  @ApiPropertyOptional({ pattern: META_ID.source, description: 'As meta_user_id of a connection' })
  @IsOptionalNotNull()
  @Matches(META_ID, { message: 'must be an id of Meta, in digits' })
  @IsString()
  meta_user_id?: string;

  @ApiPropertyOptional({
    pattern: META_ID.source,
    description: 'The business portfolio the login must belong to, or that must own its WhatsApp accounts',
  })
  @IsOptionalNotNull()
  @Matches(META_ID, { message: 'must be an id of Meta, in digits' })
  @IsString()
  business_id?: string;
}

/** Body of `POST /v1/connect-sessions`. */
export class CreateSessionRequest {
  @ApiProperty({ pattern: TENANT_PATTERN.source })
  @Matches(TENANT_PATTERN, { message: 'must be 1 to 128 of A-Z a-z 0-9 . _ : -' })
  @IsString()
  tenant!: string;

  @ApiProperty({ enum: PRODUCTS })
  @IsIn(PRODUCTS)
  product!: Product;

  @ApiProperty({ enum: FLOWS, description: 'See /docs for the flows of each product' })
  @IsIn(FLOWS)
  flow!: Flow;

  @ApiPropertyOptional({ description: 'Absolute, of an origin in RETURN_URL_ORIGINS' })
  @IsOptionalNotNull()
  @IsString()
  return_url?: string;

  @ApiPropertyOptional({ type: [String], description: "Replaces the product's own scopes; see /meta/config" })
  @IsOptionalNotNull()
  @Matches(SCOPE, { each: true, message: 'must be names of scopes (a-z 0-9 _)' })
  @ArrayUnique()
  @ArrayMaxSize(50)
  @ArrayMinSize(1)
  @IsArray()
  scopes?: string[];

  @ApiPropertyOptional({
    enum: FEATURE_TYPES,
    description: 'whatsapp with embedded_signup: the Embedded Signup flow; returned in js_sdk.extras',
  })
  @IsOptionalNotNull()
  @IsIn(FEATURE_TYPES)
  feature_type?: FeatureType;

  @ApiPropertyOptional({
    type: [String],
    description: 'whatsapp with embedded_signup: features such as app_only_install; returned in js_sdk.extras',
  })
  @IsOptionalNotNull()
  @Matches(FEATURE, { each: true, message: 'must be names of features (a-z _)' })
  @ArrayUnique()
  @ArrayMaxSize(10)
  @IsArray()
  features?: string[];

  @ApiPropertyOptional({
    type: ExpectedAccountRequest,
    description: 'At least one id. Any other account fails with wrong_account and stores nothing',
  })
  @IsOptionalNotNull()
  @ValidateNested()
  @IsObject()
  @Type(() => ExpectedAccountRequest)
  expected?: ExpectedAccountRequest;

  @ApiPropertyOptional({
    default: false,
    description: 'For links you send to people: a page first says what is requested, then leads to the dialog',
  })
  @IsOptionalNotNull()
  @IsBoolean()
  confirm?: boolean;

  @ApiPropertyOptional({
    maxLength: MAX_TENANT_NAME_LENGTH,
    minLength: 1,
    description: 'Who asks, as named on the pages that the customer sees',
  })
  @IsOptionalNotNull()
  @Matches(DISPLAY_NAME, { message: 'must be a name, without control characters' })
  @MaxLength(MAX_TENANT_NAME_LENGTH)
  @IsString()
  tenant_name?: string;

  @ApiPropertyOptional({
    enum: LOCALES,
    example: 'pt-BR',
    description: "Language of the pages that the customer sees; without it, the browser's",
  })
  @IsOptionalNotNull()
  @IsIn(LOCALES)
  locale?: Locale;

  @ApiPropertyOptional({
    format: 'uri',
    example: 'https://app.example',
    description:
      'Origin, in RETURN_URL_ORIGINS, of the page that opens the link in a pop-up with @metavault/connect. Default: that of return_url',
  })
  @IsOptionalNotNull()
  @MaxLength(2048)
  @IsString()
  origin?: string;
}

/** What a new session says about its link. */
export type LinkOptions = Pick<ConnectSession, 'expected' | 'confirm' | 'tenantName' | 'locale'>;

/** 400 for an expected account without an id. */
export function toLinkOptions(request: CreateSessionRequest): LinkOptions {
  const { expected, confirm, tenant_name: tenantName, locale } = request;
  const { meta_user_id, business_id } = expected ?? {};
  if (expected !== undefined && meta_user_id === undefined && business_id === undefined)
    throw invalidInputError('expected', 'must have meta_user_id, business_id, or both');
  const ids = {
    ...(meta_user_id === undefined ? {} : { meta_user_id }),
    ...(business_id === undefined ? {} : { business_id }),
  };
  return {
    expected: expected === undefined ? null : ids,
    confirm: confirm ?? false,
    tenantName: tenantName ?? null,
    locale: locale ?? null,
  };
}

/** Body of `POST /v1/connect-sessions/{id}/complete`: a code, or a token. */
export class CompleteSessionRequest extends SignupRequest {
  @ApiPropertyOptional({ description: 'From FB.login; instead of access_token' })
  @IsOptionalNotNull()
  @IsCode()
  code?: string;

  @ApiPropertyOptional({ description: "The dialog's, byte for byte; omit for codes from the JS SDK" })
  @IsOptionalNotNull()
  @Matches(/^https?:\/\/[\x21-\x7e]+$/, { message: 'must be an absolute http(s) address' })
  @MaxLength(2048)
  @IsString()
  redirect_uri?: string;

  @ApiPropertyOptional({ description: 'A token of this app; instead of code' })
  @IsOptionalNotNull()
  @IsAccessToken()
  access_token?: string;

  @ApiPropertyOptional({
    pattern: PIN_PATTERN.source,
    description:
      'WhatsApp: registers phone_number_id (or the only number) for the Cloud API once connected. Not stored; the number shows the result',
  })
  @IsOptionalNotNull()
  @IsPin()
  pin?: string;
}

/** Response of `GET /v1/connect-sessions/{id}`. Never contains the link, a state or a code. */
export interface ConnectSessionStateResponse {
  id: ConnectSessionId;
  tenant: string;
  product: Product;
  flow: Flow;
  status: (typeof SESSION_STATUSES)[number];
  connection_id: ConnectionId | null;
  /** Why the last browser failed, as `error` at a `return_url`. */
  error: ConnectErrorCode | null;
  created_at: string;
  expires_at: string;
  feature_type: FeatureType | null;
  progress: StoredProgress | null;
  unfinished: UnfinishedSignup | null;
  expected: ExpectedAccount | null;
  confirm: boolean;
  tenant_name: string | null;
  locale: Locale | null;
  origin: string | null;
}

export interface ConnectSessionResponse {
  id: ConnectSessionId;
  connect_url: string;
  expires_at: string;
  js_sdk: JsSdkParameters | null;
}
