import { Injectable } from '@nestjs/common';
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { DataSource } from 'typeorm';
import { Database } from '../../database/database.ts';
import { DatabaseClock } from '../../database/database-clock.ts';
import { listRanMigrations } from '../../database/migration.repository.ts';
import { settleWithin } from '../../platform/settle-within.ts';
import { KeyRing } from '../../vault/keys/key-ring.ts';
import { ReplicaState } from './replica-state.ts';

/** A replica this far off still works, because leases and claims last longer, but its host has a problem. */
const MAX_SKEW_MS = 30_000;
const DATABASE_TIMEOUT_MS = 2_000;

/** Conditions for sending requests to this replica. */
@Injectable()
export class Readiness {
  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly dataSource: DataSource,
    private readonly database: Database,
    private readonly clock: DatabaseClock,
    private readonly keyRing: KeyRing,
    private readonly state: ReplicaState,
  ) {}

  /** Up while the process accepts work, down from the start of its shutdown. */
  async process(): Promise<HealthIndicatorResult> {
    const indicator = this.indicators.check('process');
    return this.state.isDraining ? indicator.down('is shutting down') : indicator.up();
  }

  /** Up if Postgres responds and has run every migration of this build. Migrations of newer builds are fine. */
  async databaseAndMigrations(): Promise<HealthIndicatorResult> {
    const database = this.indicators.check('database');
    const migrations = this.indicators.check('migrations');
    const ran = await this.ranMigrations();
    if (ran === null) return { ...database.down('does not respond'), ...migrations.down('unknown') };
    const missing = this.dataSource.migrations
      .map((migration) => migration.name ?? migration.constructor.name)
      .filter((name) => !ran.has(name));
    return { ...database.up(), ...(missing.length === 0 ? migrations.up() : migrations.down({ missing })) };
  }

  async keys(): Promise<HealthIndicatorResult> {
    const indicator = this.indicators.check('key_ring');
    try {
      this.keyRing.activeKek();
      return indicator.up();
    } catch {
      return indicator.down('has no active key');
    }
  }

  async time(): Promise<HealthIndicatorResult> {
    const indicator = this.indicators.check('clock');
    const skewSeconds = Math.round(this.clock.localSkewMs() / 100) / 10;
    const data = { skew_seconds: skewSeconds };
    return Math.abs(skewSeconds) * 1000 > MAX_SKEW_MS ? indicator.down(data) : indicator.up(data);
  }

  private ranMigrations(): Promise<Set<string> | null> {
    return settleWithin(
      listRanMigrations(this.database).catch(() => null),
      DATABASE_TIMEOUT_MS,
      null,
    );
  }
}
