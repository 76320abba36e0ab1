import { Controller, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Public } from '../auth/decorators.ts';
import { type Flow, PRODUCTS, type Product } from '../config/products.ts';
import { missingLoginSettings } from '../meta/dialog/missing-login-settings.ts';
import { scopesOf } from '../meta/dialog/product-scopes.ts';
import { productDescriptor } from '../meta/dialog/products.ts';
import { MetaApps } from '../meta/meta-apps.ts';

interface ProductConfig {
  scopes: readonly string[];
  optional_scopes: readonly string[];
  config_id: string | null;
  /** Whether sessions for the product's main flow can be created here. */
  login_configured: boolean;
  /** Flows with missing settings: their sessions are refused with `login_not_configured`. */
  unconfigured_flows: readonly Flow[];
}

interface MetaConfigResponse {
  app_id: string;
  graph_api_version: string;
  products: Record<Product, ProductConfig>;
}

/** What front ends need to know about our app at Meta. None of it is secret. */
@ApiTags('connecting')
@Public()
@Controller('meta/config')
export class MetaConfigController {
  constructor(private readonly apps: MetaApps) {}

  @Get()
  show(): MetaConfigResponse {
    const { config: meta } = this.apps.primary;
    const products = PRODUCTS.map((product): [Product, ProductConfig] => {
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
      products: Object.fromEntries(products) as Record<Product, ProductConfig>,
    };
  }
}
