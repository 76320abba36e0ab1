import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { ArrayMaxSize, ArrayMinSize, ArrayUnique, IsArray, IsIn, IsString, Matches, MaxLength } from 'class-validator';
import { FLOWS, type Flow, PRODUCTS, type Product } from '../../config/products.ts';
import { TENANT_PATTERN } from '../../config/tenant.ts';
import type { ConnectionId } from '../../connections/ids.ts';
import { FEATURE_TYPES, type FeatureType } from '../../meta/dialog/embedded-signup.ts';
import type { JsSdkParameters } from '../../meta/dialog/js-sdk-parameters.ts';
import { IsOptionalNotNull } from '../../platform/optional-field.ts';
import type { ConnectErrorCode } from '../connect-problems.ts';
import type { StoredProgress, UnfinishedSignup } from '../connect-session.ts';
import { SignupRequest } from '../embedded-signup.dto.ts';
import type { ConnectSessionId } from '../ids.ts';
import { IsAccessToken, IsCode, IsPin, PIN_PATTERN } from '../request-fields.ts';
import type { SESSION_STATUSES } from './session-status.ts';

const FEATURE = /^[a-z_]{1,64}$/;
const SCOPE = /^[a-z0-9_]{1,64}$/;

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

  @ApiPropertyOptional({
    enum: FEATURE_TYPES,
    description: 'whatsapp by embedded_signup: the flow of Embedded Signup; comes back in js_sdk.extras',
  })
  @IsOptionalNotNull()
  @IsIn(FEATURE_TYPES)
  feature_type?: FeatureType;

  @ApiPropertyOptional({
    type: [String],
    description: 'whatsapp by embedded_signup: features such as app_only_install; come back in js_sdk.extras',
  })
  @IsOptionalNotNull()
  @Matches(FEATURE, { each: true, message: 'must be names of features (a-z _)' })
  @ArrayUnique()
  @ArrayMaxSize(10)
  @IsArray()
  features?: string[];
}

/** Body of `POST /v1/connect-sessions/{id}/complete`: a code, or a token. */
export class CompleteSessionRequest extends SignupRequest {
  @ApiPropertyOptional({ description: 'From FB.login; instead of access_token' })
  @IsOptionalNotNull()
  @IsCode()
  code?: string;

  @ApiPropertyOptional({ description: "The dialog's, byte for byte; absent for codes of the JS SDK" })
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
      'WhatsApp: registers phone_number_id (or the only number) for the Cloud API once connected. Kept nowhere; how it ended stands on the number',
  })
  @IsOptionalNotNull()
  @IsPin()
  pin?: string;
}

/** Answer of `GET /v1/connect-sessions/{id}`. Never the link, a state or a code. */
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
}

export interface ConnectSessionResponse {
  id: ConnectSessionId;
  connect_url: string;
  expires_at: string;
  js_sdk: JsSdkParameters | null;
}
