import { type DynamicModule, Module } from '@nestjs/common';
import { AppsModule } from './apps/apps.module.ts';
import { AuditModule } from './audit/audit.module.ts';
import { AuthModule } from './auth/auth.module.ts';
import { ClientsModule } from './clients/clients.module.ts';
import { ConfigModule } from './config/config.module.ts';
import type { Config } from './config/config.ts';
import { ConnectModule } from './connect/connect.module.ts';
import { ConnectionsModule } from './connections/connections.module.ts';
import { ConsoleModule } from './console/console.module.ts';
import { ConsoleSessionsModule } from './console/sessions/console-sessions.module.ts';
import { CustomerPagesModule } from './customer-pages/customer-pages.module.ts';
import { DatabaseModule, type DatabaseOptions } from './database/database.module.ts';
import { EventsModule } from './events/events.module.ts';
import { GatewayModule } from './gateway/gateway.module.ts';
import { IdempotencyModule } from './idempotency/idempotency.module.ts';
import { LeasesModule } from './leases/leases.module.ts';
import { LifecycleModule } from './lifecycle/lifecycle.module.ts';
import { MetaModule } from './meta/meta.module.ts';
import { OperationsModule } from './operations/operations.module.ts';
import { PlatformModule, type PlatformOptions } from './platform/platform.module.ts';
import type { KeyRing } from './vault/keys/key-ring.ts';
import { VaultModule } from './vault/vault.module.ts';
import { WebhooksModule } from './webhooks/webhooks.module.ts';

/** Opened before the application: `bootstrap/core-services.ts`. */
export interface AppOptions {
  config: Config;
  platform: PlatformOptions;
  database: DatabaseOptions;
  keyRing: KeyRing;
}

/** The whole service, for a replica with its HTTP server or the command line without one. */
@Module({})
export class AppModule {
  static register({ config, platform, database, keyRing }: AppOptions): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.register(config),
        PlatformModule.register(platform),
        DatabaseModule.register(database),
        VaultModule.register(keyRing),
        AuditModule,
        AuthModule,
        AppsModule,
        ClientsModule,
        ConnectModule,
        ConnectionsModule,
        ConsoleModule,
        ConsoleSessionsModule,
        CustomerPagesModule,
        EventsModule,
        GatewayModule,
        IdempotencyModule,
        LeasesModule,
        LifecycleModule,
        MetaModule,
        OperationsModule,
        WebhooksModule,
      ],
    };
  }
}
