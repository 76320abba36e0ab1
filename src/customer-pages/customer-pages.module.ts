import { Global, Module } from '@nestjs/common';
import { AssetsController } from './assets.controller.ts';
import { CustomerPages } from './customer-pages.ts';
import { PageAssets } from './page-assets.ts';

/** The pages that customers see, and what they load. */
@Global()
@Module({
  controllers: [AssetsController],
  providers: [CustomerPages, PageAssets],
  exports: [CustomerPages],
})
export class CustomerPagesModule {}
