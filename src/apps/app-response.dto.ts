import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { PRODUCTS, type Product } from '../config/products.ts';
import { APP_SOURCES, type AppSource } from '../meta/meta-apps.ts';
import { INSTANT_OR_NULL } from '../platform/openapi/examples.ts';
import type { MetaCause } from '../platform/problem.ts';

const APP_ID = { description: "Meta's id of the app", example: '1029384756102938' };
const CREDENTIALS = ['accepted', 'rejected', 'unknown'] as const;

export class InnerAppResponse {
  @ApiProperty({ description: "Meta's id of the inner app", example: '918273645564738' })
  app_id!: string;
}

export class LoginConfigIdsResponse {
  @ApiPropertyOptional({ example: '1384729102938475' })
  whatsapp?: string;

  @ApiPropertyOptional({ example: '1384729102938476' })
  instagram?: string;

  @ApiPropertyOptional({ example: '1384729102938477' })
  ads?: string;

  @ApiPropertyOptional({ example: '1384729102938478' })
  pages?: string;
}

export class AppWebhooksResponse {
  @ApiProperty({
    format: 'uri',
    description: 'What to enter in the app dashboard, under Webhooks. Deauthorization and data deletion are below it.',
    example: 'https://metavault.example/webhooks/meta/1029384756102938',
  })
  callback_url!: string;
}

class CreatedAppWebhooksResponse extends AppWebhooksResponse {
  @ApiProperty({ description: 'Enter it next to the callback URL. It is shown once, in this answer.', example: 'Zk3…' })
  verify_token!: string;
}

/** A Meta app, without its secrets. */
export class AppResponse {
  @ApiProperty(APP_ID)
  app_id!: string;

  @ApiProperty({ description: 'For people', example: 'Acme' })
  name!: string;

  @ApiProperty({ enum: APP_SOURCES, description: '`environment`: cannot be changed over the API', example: 'api' })
  source!: AppSource;

  @ApiProperty({ type: [String], description: 'Whom it serves; `["*"]` means all', example: ['acme'] })
  tenants!: string[];

  @ApiProperty({ type: InnerAppResponse, nullable: true, description: 'Its Instagram app' })
  instagram!: InnerAppResponse | null;

  @ApiProperty({ type: InnerAppResponse, nullable: true, description: 'Its Threads app' })
  threads!: InnerAppResponse | null;

  @ApiProperty({ type: LoginConfigIdsResponse, description: 'Its Facebook Login for Business configurations' })
  login_config_ids!: LoginConfigIdsResponse;

  @ApiProperty({ description: "The version of Meta's API that it is called with", example: 'v26.0' })
  graph_api_version!: string;

  @ApiProperty({ type: AppWebhooksResponse })
  webhooks!: AppWebhooksResponse;

  @ApiProperty({ type: 'integer', description: 'Connections under it that are not revoked', example: 12 })
  connections!: number;

  @ApiProperty({ ...INSTANT_OR_NULL, description: "Null: the environment's app" })
  created_at!: string | null;

  @ApiProperty({ ...INSTANT_OR_NULL, description: "Null: the environment's app" })
  updated_at!: string | null;
}

/** Response of `POST /v1/apps`. */
export class CreatedAppResponse extends AppResponse {
  @ApiProperty({ type: CreatedAppWebhooksResponse })
  declare webhooks: CreatedAppWebhooksResponse;
}

class AppSubscriptionResponse {
  @ApiProperty({ description: "Meta's kind of object", example: 'page' })
  object!: string;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'Where Meta sends its events',
    example: 'https://metavault.example/webhooks/meta/1029384756102938',
  })
  callback_url!: string | null;

  @ApiProperty({ example: true })
  active!: boolean;

  @ApiProperty({ type: [String], example: ['messages'] })
  fields!: string[];
}

export class MissingSettingsResponse {
  @ApiProperty({ enum: PRODUCTS })
  product!: Product;

  @ApiProperty({ type: [String], description: 'Fields of the app that its main login needs', example: ['instagram'] })
  fields!: string[];
}

class AppMetaErrorResponse implements MetaCause {
  @ApiPropertyOptional({ type: 'integer', example: 101 })
  code?: number;

  @ApiPropertyOptional({ type: 'integer' })
  subcode?: number;

  @ApiPropertyOptional({ example: 'OAuthException' })
  type?: string;

  @ApiPropertyOptional({ example: 'AbC123dEf45' })
  fbtrace_id?: string;
}

/** What Meta said about an app when asked for this response. */
export class AppMetaResponse {
  @ApiProperty({
    enum: CREDENTIALS,
    description: 'Whether id and secret belong together; `unknown`: Meta did not answer',
    example: 'accepted',
  })
  credentials!: (typeof CREDENTIALS)[number];

  @ApiProperty({ type: String, nullable: true, description: 'The version that answered', example: 'v26.0' })
  served_version!: string | null;

  @ApiPropertyOptional({ type: AppMetaErrorResponse, description: "Meta's error, if it refused" })
  error?: AppMetaErrorResponse;

  @ApiProperty({
    type: [AppSubscriptionResponse],
    nullable: true,
    description: 'Its webhook subscriptions as Meta has them; null: Meta did not list them',
  })
  subscriptions!: AppSubscriptionResponse[] | null;

  @ApiProperty({ type: [MissingSettingsResponse], description: 'What products lack for their main login' })
  missing_settings!: MissingSettingsResponse[];
}

/** Response of `GET /v1/apps/{app_id}`. */
export class AppWithMetaResponse extends AppResponse {
  @ApiProperty({ type: AppMetaResponse })
  meta!: AppMetaResponse;
}
