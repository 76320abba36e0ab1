import { Controller, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Public } from '../auth/decorators.ts';
import { Config, PRODUCTS, type Product } from '../config/config.ts';
import { mainFlowOf, scopesOf } from '../meta/dialog/product-scopes.ts';

interface ProductConfig {
  scopes: readonly string[];
  optional_scopes: readonly string[];
  config_id: string | null;
}

interface MetaConfigResponse {
  app_id: string;
  graph_api_version: string;
  products: Record<Product, ProductConfig>;
}

/** What front ends need to know of our app at Meta. Nothing in it is secret. */
@ApiTags('connecting')
@Public()
@Controller('meta/config')
export class MetaConfigController {
  constructor(private readonly config: Config) {}

  @Get()
  show(): MetaConfigResponse {
    const { meta } = this.config;
    const products = PRODUCTS.map((product): [Product, ProductConfig] => {
      const { required, optional } = scopesOf(product, mainFlowOf(product));
      return [
        product,
        { scopes: required, optional_scopes: optional, config_id: meta.loginConfigIds[product] ?? null },
      ];
    });
    return {
      app_id: meta.app.id,
      graph_api_version: meta.graphApiVersion,
      products: Object.fromEntries(products) as Record<Product, ProductConfig>,
    };
  }
}
