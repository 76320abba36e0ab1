import { Controller, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Public } from '../auth/decorators.ts';
import { PRODUCTS, type Product } from '../config/products.ts';
import { scopesOf } from '../meta/dialog/product-scopes.ts';
import { productDescriptor } from '../meta/dialog/products.ts';
import { MetaApps } from '../meta/meta-apps.ts';

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
  constructor(private readonly apps: MetaApps) {}

  @Get()
  show(): MetaConfigResponse {
    const { config: meta } = this.apps.primary;
    const products = PRODUCTS.map((product): [Product, ProductConfig] => {
      const { required, optional } = scopesOf(product, productDescriptor(product).mainFlow);
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
