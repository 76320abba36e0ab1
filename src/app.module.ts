import { type DynamicModule, Module, type Provider } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { AuditModule } from './audit/audit.module.ts';
import { AuthModule } from './auth/auth.module.ts';
import { ClientsModule } from './clients/clients.module.ts';
import { ConnectModule } from './connect/connect.module.ts';
import { CONNECTION_ENTITIES } from './connections/connection/connection.entity.ts';
import { ConnectionsModule } from './connections/connections.module.ts';
import { DatabaseModule } from './database/database.module.ts';
import { SubscriptionsModule } from './events/subscriptions/subscriptions.module.ts';
import { GatewayModule } from './gateway/gateway.module.ts';
import { LeasesModule } from './leases/leases.module.ts';
import { LifecycleModule } from './lifecycle/lifecycle.module.ts';
import { MetaModule } from './meta/meta.module.ts';
import { OperationsModule } from './operations/operations.module.ts';
import { JobsModule } from './platform/jobs/jobs.module.ts';
import { VaultModule } from './vault/vault.module.ts';
import { WebhooksModule } from './webhooks/webhooks.module.ts';

/** The rooms' entities, for the one data source. */
export const ENTITIES: readonly (new () => object)[] = [...CONNECTION_ENTITIES];

@Module({})
export class AppModule {
  /** The service of one replica. `values` are what every room may have injected: configuration, time, keys, the database. */
  static register(values: Provider[]): DynamicModule {
    return {
      module: AppModule,
      global: true,
      imports: [
        ScheduleModule.forRoot(),
        AuthModule,
        AuditModule,
        ClientsModule,
        ConnectModule,
        ConnectionsModule,
        DatabaseModule,
        GatewayModule,
        JobsModule,
        LeasesModule,
        LifecycleModule,
        MetaModule,
        OperationsModule,
        SubscriptionsModule,
        VaultModule,
        WebhooksModule,
      ],
      providers: values,
      exports: values,
    };
  }
}
