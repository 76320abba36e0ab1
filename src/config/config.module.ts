import { type DynamicModule, Global, Module } from '@nestjs/common';
import { Config } from './config.ts';

@Global()
@Module({})
export class ConfigModule {
  static register(config: Config): DynamicModule {
    const providers = [{ provide: Config, useValue: config }];
    return { module: ConfigModule, providers, exports: providers };
  }
}
