import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
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
import { type Metadata, toBrought } from '../../connections/description/description.ts';
import { MetadataField, ReferenceField } from '../../connections/description/description-fields.ts';
import { LOCALES, type Locale } from '../../customer-pages/locale.ts';
import { FEATURE_TYPES, type FeatureType } from '../../meta/dialog/embedded-signup.ts';
import { productDescriptor } from '../../meta/dialog/products.ts';
import { IsOptionalNotNull } from '../../platform/optional-field.ts';
import { invalidInputError } from '../../platform/problem.ts';
import type { ConnectSession } from '../connect-session.ts';
import { AppIdField } from '../request-fields.ts';
import { isDialogFlow } from './parse-dialog-flow.ts';

const FEATURE = /^[a-z_]{1,64}$/;
const SCOPE = /^[a-z0-9_]{1,64}$/;
const META_ID = /^[0-9]{1,32}$/;
const MAX_TENANT_NAME_LENGTH = 100;
/** Not blank; no control characters, none that change the text direction. */
const DISPLAY_NAME = /^(?=.*\S)[^\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]+$/u;

const FLOWS_OF_PRODUCTS = PRODUCTS.map((product) => {
  const flows = productDescriptor(product).flows.filter(isDialogFlow);
  return `${product}: ${flows.map((flow) => `\`${flow}\``).join(', ')}`;
});

/** Responses show it in the same form. */
@ApiSchema({ name: 'ExpectedAccount' })
export class ExpectedAccountRequest {
  @ApiPropertyOptional({
    pattern: META_ID.source,
    description: 'The user or account, as `meta_user_id` of a connection',
    example: '122093274858005763',
  })
  @IsOptionalNotNull()
  @Matches(META_ID, { message: 'must be an id of Meta, in digits' })
  @IsString()
  meta_user_id?: string;

  @ApiPropertyOptional({
    pattern: META_ID.source,
    description: 'The business portfolio the login must belong to, or that must own its WhatsApp accounts',
    example: '506914307656634',
  })
  @IsOptionalNotNull()
  @Matches(META_ID, { message: 'must be an id of Meta, in digits' })
  @IsString()
  business_id?: string;
}

/** Body of `POST /v1/connect-sessions`. */
export class CreateSessionRequest {
  @ApiProperty({ pattern: TENANT_PATTERN.source, description: 'Your id of the customer', example: 'acme' })
  @Matches(TENANT_PATTERN, { message: 'must be 1 to 128 of A-Z a-z 0-9 . _ : -' })
  @IsString()
  tenant!: string;

  @ApiProperty({ enum: PRODUCTS, description: 'What the connection is for', example: 'pages' })
  @IsIn(PRODUCTS)
  product!: Product;

  @ApiProperty({
    enum: FLOWS.filter(isDialogFlow),
    description: `How to connect. ${FLOWS_OF_PRODUCTS.join('; ')}.`,
  })
  @IsIn(FLOWS)
  flow!: Flow;

  @AppIdField()
  app_id?: string;

  @ApiPropertyOptional({
    format: 'uri',
    maxLength: 2048,
    description:
      'Where the browser ends, with `status` and `connection_id` or `error` added. Absolute, of an origin in ' +
      'RETURN_URL_ORIGINS, without fragment. Absent: on a page of this service.',
    example: 'https://app.example.com/settings/meta?tab=pages',
  })
  @IsOptionalNotNull()
  @IsString()
  return_url?: string;

  @ApiPropertyOptional({
    type: 'array',
    items: { type: 'string', pattern: SCOPE.source },
    minItems: 1,
    maxItems: 50,
    uniqueItems: true,
    description: "Replaces the product's own scopes, which `/meta/config` lists",
    example: ['pages_show_list', 'pages_read_engagement'],
  })
  @IsOptionalNotNull()
  @Matches(SCOPE, { each: true, message: 'must be names of scopes (a-z 0-9 _)' })
  @ArrayUnique()
  @ArrayMaxSize(50)
  @ArrayMinSize(1)
  @IsArray()
  scopes?: string[];

  @ApiPropertyOptional({
    enum: FEATURE_TYPES,
    description:
      'whatsapp with embedded_signup: onboards a number that stays in use in the WhatsApp Business app; returned in ' +
      '`js_sdk.extras`',
  })
  @IsOptionalNotNull()
  @IsIn(FEATURE_TYPES)
  feature_type?: FeatureType;

  @ApiPropertyOptional({
    type: 'array',
    items: { type: 'string', pattern: FEATURE.source },
    maxItems: 10,
    uniqueItems: true,
    description: 'whatsapp with embedded_signup: features of it, in words of Meta; returned in `js_sdk.extras`',
    example: ['app_only_install'],
  })
  @IsOptionalNotNull()
  @Matches(FEATURE, { each: true, message: 'must be names of features (a-z _)' })
  @ArrayUnique()
  @ArrayMaxSize(10)
  @IsArray()
  features?: string[];

  @ApiPropertyOptional({
    type: ExpectedAccountRequest,
    description: 'The only account that may connect: at least one id. Any other fails with `wrong_account`.',
  })
  @IsOptionalNotNull()
  @ValidateNested()
  @IsObject()
  @Type(() => ExpectedAccountRequest)
  expected?: ExpectedAccountRequest;

  @ApiPropertyOptional({
    default: false,
    description: 'For links you send to people: a page first says what is requested, then continues to the dialog',
  })
  @IsOptionalNotNull()
  @IsBoolean()
  confirm?: boolean;

  @ApiPropertyOptional({
    maxLength: MAX_TENANT_NAME_LENGTH,
    minLength: 1,
    description: 'Who asks, as named on the pages that the customer sees',
    example: 'Acme Coffee',
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

  @ReferenceField()
  reference?: string;

  @MetadataField()
  metadata?: Metadata;
}

/** What a new session says about its link. */
export type LinkOptions = Pick<ConnectSession, 'expected' | 'confirm' | 'tenantName' | 'locale' | 'description'>;

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
    description: toBrought(request),
  };
}
