import { type DynamicModule, Global, Module, type Provider } from '@nestjs/common';
import { DataSource, EntityManager } from 'typeorm';
import { Database } from './database.ts';
import { DatabaseClock } from './database-clock.ts';
import { DatabaseMonitor } from './database-monitor.ts';
import { IntegrityFailures } from './integrity-failures.ts';
import { PartitionService } from './partitions/partition.service.ts';
import { RetentionService } from './retention.service.ts';
import { RowMacs } from './row-macs.ts';
import { UnconfirmedEndings } from './standby/unconfirmed-endings.ts';

export interface DatabaseOptions {
  /** Connected and migrated. */
  dataSource: DataSource;
  database: Database;
  databaseClock: DatabaseClock;
}

@Global()
@Module({})
export class DatabaseModule {
  static register({ dataSource, database, databaseClock }: DatabaseOptions): DynamicModule {
    const providers: Provider[] = [
      { provide: DataSource, useValue: dataSource },
      { provide: EntityManager, useValue: dataSource.manager },
      { provide: Database, useValue: database },
      { provide: DatabaseClock, useValue: databaseClock },
      DatabaseMonitor,
      PartitionService,
      RetentionService,
      IntegrityFailures,
      RowMacs,
      UnconfirmedEndings,
    ];
    return { module: DatabaseModule, providers, exports: providers };
  }
}
