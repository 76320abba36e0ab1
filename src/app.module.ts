import { type DynamicModule, Module, type Provider } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { OperationsModule } from './operations/operations.module.ts';

/** The rooms' entities, for the one data source. */
export const ENTITIES: readonly (new () => object)[] = [];

@Module({})
export class AppModule {
  /** The service of one replica. `values` are what every room may have injected: configuration, time, keys, the database. */
  static register(values: Provider[]): DynamicModule {
    return {
      module: AppModule,
      global: true,
      imports: [ScheduleModule.forRoot(), OperationsModule],
      providers: values,
      exports: values,
    };
  }
}
