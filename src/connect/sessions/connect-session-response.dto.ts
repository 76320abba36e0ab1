import { ApiProperty } from '@nestjs/swagger';
import { FLOWS, type Flow, PRODUCTS, type Product } from '../../config/products.ts';
import type { Metadata } from '../../connections/description/description.ts';
import { METADATA_EXAMPLE, REFERENCE_EXAMPLE } from '../../connections/description/description-fields.ts';
import type { ConnectionId } from '../../connections/ids.ts';
import { LOCALES, type Locale } from '../../customer-pages/locale.ts';
import { FEATURE_TYPES, type FeatureType } from '../../meta/dialog/embedded-signup.ts';
import type { JsSdkParameters } from '../../meta/dialog/js-sdk-parameters.ts';
import { exampleId, INSTANT } from '../../platform/openapi/examples.ts';
import { CONNECT_ERROR_CODES, type ConnectErrorCode } from '../connect-problems.ts';
import type { CreatedSession } from '../connect-session.ts';
import {
  CONNECT_STAGES,
  type ConnectStage,
  type ExpectedAccount,
  type StoredProgress,
  type UnfinishedSignup,
} from '../connect-session.ts';
import type { ConnectSessionId } from '../ids.ts';
import { ExpectedAccountRequest } from './connect-session.dto.ts';
import { isDialogFlow } from './parse-dialog-flow.ts';
import { SESSION_STATUSES, type SessionStatus } from './session-status.ts';

class SignupFeatureResponse {
  @ApiProperty({ example: 'app_only_install' })
  name!: string;
}

/** Only for Embedded Signup; empty unless the session chose features. */
class JsSdkExtrasResponse {
  @ApiProperty({ required: false, enum: FEATURE_TYPES, description: '`feature_type` of the session' })
  featureType?: FeatureType;

  @ApiProperty({ required: false, type: [SignupFeatureResponse], description: '`features` of the session' })
  features?: SignupFeatureResponse[];
}

/** Parameters for `FB.init` and `FB.login`. */
class JsSdkResponse implements JsSdkParameters {
  @ApiProperty({ description: '`appId` of `FB.init`', example: '1029384756102938' })
  app_id!: string;

  @ApiProperty({ description: "`version` of `FB.init`: a version of Meta's API", example: 'v26.0' })
  version!: string;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The login configuration, which decides the scopes; null: `scope` does',
    example: null,
  })
  config_id!: string | null;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'Scopes, separated by commas; null: `config_id` decides',
    example: 'pages_show_list,pages_read_engagement',
  })
  scope!: string | null;

  @ApiProperty({ enum: ['code'] })
  response_type!: 'code';

  @ApiProperty({ enum: [true], description: 'Without it, the SDK returns a token instead of a code' })
  override_default_response_type!: true;

  @ApiProperty({
    required: false,
    enum: ['rerequest'],
    description: 'Asks again for what an earlier login declined, and for the choice of Pages',
  })
  auth_type?: 'rerequest';

  @ApiProperty({ type: JsSdkExtrasResponse, description: 'For Embedded Signup' })
  extras!: JsSdkParameters['extras'];
}

/** Response of `POST /v1/connect-sessions`. */
export class ConnectSessionResponse {
  @ApiProperty({ type: String, example: exampleId('cns') })
  id!: ConnectSessionId;

  @ApiProperty({
    format: 'uri',
    description: 'Where to send the browser. Anyone who has it can connect, so it is shown once, in this answer.',
    example: 'https://metavault.example/connect/q5Jd8sVYzQ0m3nWbXkT1rE7uLcPa4hFg2oIyN6tZxKw',
  })
  connect_url!: string;

  @ApiProperty({ ...INSTANT, description: 'Until when the link may be opened' })
  expires_at!: string;

  @ApiProperty({
    type: JsSdkResponse,
    nullable: true,
    description: "To run the login in your own page with Meta's JavaScript SDK; null: the flow has none",
  })
  js_sdk!: JsSdkResponse | null;
}

export function toConnectSessionResponse({ session, connectUrl, jsSdk }: CreatedSession): ConnectSessionResponse {
  return { id: session.id, connect_url: connectUrl, expires_at: session.expiresAt.toISOString(), js_sdk: jsSdk };
}

class ConnectProgressResponse implements StoredProgress {
  @ApiProperty({ enum: CONNECT_STAGES, example: 'discovering' })
  stage!: ConnectStage;

  @ApiProperty({ required: false, type: 'integer', description: 'Pages found so far', example: 300 })
  pages?: number;

  @ApiProperty({ required: false, type: 'integer', description: 'Assets found so far', example: 300 })
  assets?: number;

  @ApiProperty(INSTANT)
  at!: string;
}

class UnfinishedSignupResponse implements UnfinishedSignup {
  @ApiProperty({ description: 'The WhatsApp Business Account', example: '102290129340398' })
  waba_id!: string;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The business portfolio that owns it, if Meta named it',
    example: '506914307656634',
  })
  business_id!: string | null;

  @ApiProperty({ ...INSTANT, description: 'When Meta announced it' })
  at!: string;

  @ApiProperty({
    description: 'What to do',
    example: 'Send the customer through a new connect session: Meta does not repeat the code.',
  })
  remedy!: string;
}

/** Response of `GET /v1/connect-sessions/{id}`. Never contains the link, a state or a code. */
export class ConnectSessionStateResponse {
  @ApiProperty({ type: String, example: exampleId('cns') })
  id!: ConnectSessionId;

  @ApiProperty({ description: 'Your id of the customer', example: 'acme' })
  tenant!: string;

  @ApiProperty({ enum: PRODUCTS, example: 'pages' })
  product!: Product;

  @ApiProperty({ enum: FLOWS.filter(isDialogFlow) })
  flow!: Flow;

  @ApiProperty({ description: 'The Meta app it connects under', example: '1029384756102938' })
  app_id!: string;

  @ApiProperty({
    enum: SESSION_STATUSES,
    description:
      '`open`: nobody has opened the link, the browser has not returned from Meta, or its login is still being processed. ' +
      '`failed`: the last attempt failed; the link still works until it expires. `unfinished`: Meta completed the signup, ' +
      'but its code never arrived.',
    example: 'connected',
  })
  status!: SessionStatus;

  @ApiProperty({ type: String, nullable: true, description: 'Once connected', example: exampleId('con') })
  connection_id!: ConnectionId | null;

  @ApiProperty({
    type: String,
    enum: CONNECT_ERROR_CODES,
    nullable: true,
    description: 'Why the last attempt failed, as in `error` at a `return_url`; explained at `/problems/{code}`',
    example: null,
  })
  error!: ConnectErrorCode | null;

  @ApiProperty(INSTANT)
  created_at!: string;

  @ApiProperty({ ...INSTANT, description: 'Until when the link may be opened' })
  expires_at!: string;

  @ApiProperty({ type: String, enum: FEATURE_TYPES, nullable: true, description: 'As requested', example: null })
  feature_type!: FeatureType | null;

  @ApiProperty({
    type: ConnectProgressResponse,
    nullable: true,
    description: 'How far the search for assets of a large account is; null: not begun, or quick',
    example: null,
  })
  progress!: ConnectProgressResponse | null;

  @ApiProperty({
    type: UnfinishedSignupResponse,
    nullable: true,
    description: 'The signup that Meta completed but this service did not receive',
    example: null,
  })
  unfinished!: UnfinishedSignupResponse | null;

  @ApiProperty({
    type: ExpectedAccountRequest,
    nullable: true,
    description: 'The only account that may connect; null: any',
    example: null,
  })
  expected!: ExpectedAccount | null;

  @ApiProperty({ description: 'Whether a page of ours comes before the dialog', example: false })
  confirm!: boolean;

  @ApiProperty({ type: String, nullable: true, description: 'Who asks, on that page', example: null })
  tenant_name!: string | null;

  @ApiProperty({
    type: String,
    enum: LOCALES,
    nullable: true,
    description: 'Language of the pages; null: what the browser prefers',
  })
  locale!: Locale | null;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The page that may open the link in a pop-up and is told the result',
    example: 'https://app.example.com',
  })
  origin!: string | null;

  @ApiProperty({ type: String, nullable: true, description: 'For the connection', example: REFERENCE_EXAMPLE })
  reference!: string | null;

  @ApiProperty({
    type: 'object',
    additionalProperties: { type: 'string' },
    nullable: true,
    description: 'For the connection; null: none given',
    example: METADATA_EXAMPLE,
  })
  metadata!: Metadata | null;
}
