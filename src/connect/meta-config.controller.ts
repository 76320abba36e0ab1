import { Controller, Get, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProperty, ApiPropertyOptional, ApiTags } from '@nestjs/swagger';
import { IsString, Matches } from 'class-validator';
import { appNotFound } from '../apps/app-problems.ts';
import { META_ID } from '../apps/app-request.dto.ts';
import { Public } from '../auth/decorators.ts';
import { FLOWS, type Flow, PRODUCTS, type Product } from '../config/products.ts';
import { missingLoginSettings } from '../meta/dialog/missing-login-settings.ts';
import { scopesOf } from '../meta/dialog/product-scopes.ts';
import { productDescriptor } from '../meta/dialog/products.ts';
import { MetaApps } from '../meta/meta-apps.ts';
import { ApiProblems } from '../platform/openapi/api-problems.ts';
import { IsOptionalNotNull } from '../platform/optional-field.ts';
import { AppError } from '../platform/problem.ts';

class ProductConfigResponse {
  @ApiProperty({ type: [String], description: 'What the product cannot do without', example: ['pages_show_list'] })
  scopes!: readonly string[];

  @ApiProperty({ type: [String], description: 'What its dialog asks for as well', example: ['pages_manage_posts'] })
  optional_scopes!: readonly string[];

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'Its Facebook Login for Business configuration, if one is set',
    example: null,
  })
  config_id!: string | null;

  @ApiProperty({ description: 'Whether sessions for the main flow of the product can be created here', example: true })
  login_configured!: boolean;

  @ApiProperty({
    enum: FLOWS,
    isArray: true,
    description: 'Flows with missing settings: their sessions are refused with `login_not_configured`',
    example: [],
  })
  unconfigured_flows!: readonly Flow[];
}

/** A `ProductConfigResponse` for each product. */
class ProductConfigsResponse {}
for (const product of PRODUCTS) ApiProperty({ type: ProductConfigResponse })(ProductConfigsResponse.prototype, product);

class MetaConfigResponse {
  @ApiProperty({ description: 'The app at Meta', example: '1029384756102938' })
  app_id!: string;

  @ApiProperty({ description: "The version of Meta's API that is used", example: 'v26.0' })
  graph_api_version!: string;

  @ApiProperty({ type: ProductConfigsResponse })
  products!: Record<Product, ProductConfigResponse>;
}

class MetaConfigQuery {
  @ApiPropertyOptional({
    pattern: META_ID.source,
    description: "The app to describe. Absent: the environment's.",
    example: '1029384756102938',
  })
  @IsOptionalNotNull()
  @Matches(META_ID, { message: 'must be an id of Meta, in digits' })
  @IsString()
  app_id?: string;
}

/** What front ends need to know about our app at Meta. None of it is secret. */
@ApiTags('connect')
@Public()
@Controller('meta/config')
export class MetaConfigController {
  constructor(private readonly apps: MetaApps) {}

  @Get()
  @ApiOperation({
    operationId: 'getMetaConfig',
    summary: 'Get what front ends need to know about the app at Meta',
    description: 'The app, and scopes and login configuration of each product. None of it is secret.',
  })
  @ApiOkResponse({ type: MetaConfigResponse, description: 'The app and its products' })
  @ApiProblems(appNotFound)
  async show(@Query() { app_id: appId }: MetaConfigQuery): Promise<MetaConfigResponse> {
    const app = await this.apps.findOwn(appId ?? null);
    if (app === null) throw new AppError(appNotFound);
    const { config: meta } = app;
    const products = PRODUCTS.map((product): [Product, ProductConfigResponse] => {
      const { flows, mainFlow } = productDescriptor(product);
      const { required, optional } = scopesOf(product, mainFlow);
      const unconfiguredFlows = flows.filter((flow) => missingLoginSettings(meta, { product, flow }) !== null);
      return [
        product,
        {
          scopes: required,
          optional_scopes: optional,
          config_id: meta.loginConfigIds[product] ?? null,
          login_configured: !unconfiguredFlows.includes(mainFlow),
          unconfigured_flows: unconfiguredFlows,
        },
      ];
    });
    return {
      app_id: meta.app.id,
      graph_api_version: meta.graphApiVersion,
      products: Object.fromEntries(products) as Record<Product, ProductConfigResponse>,
    };
  }
}
