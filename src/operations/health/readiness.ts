import { Injectable } from '@nestjs/common';
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { DataSource } from 'typeorm';
import { Database } from '../../database/database.ts';
import { DatabaseClock } from '../../database/database-clock.ts';
import { LastKnown } from '../../database/last-known.ts';
import { migrationNames } from '../../database/migrate.ts';
import { readSchemaState } from '../../database/migration.repository.ts';
import type { SchemaState } from '../../database/schema-state.ts';
import { KeyRing } from '../../vault/keys/key-ring.ts';
import { ReplicaState } from './replica-state.ts';

/** A replica with this much skew still works, because leases and claims last longer, but its host has a problem. */
const MAX_SKEW_MS = 30_000;
/** A database that answered this recently is up, even if it is slow to answer now. */
const ANSWER_IS_RECENT_MS = 3_000;

interface KnownSchema {
  state: SchemaState;
  readAtMs: number;
}

/** Conditions for sending requests to this replica. */
@Injectable()
export class Readiness {
  readonly #schema: LastKnown<KnownSchema | null>;

  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly dataSource: DataSource,
    private readonly database: Database,
    private readonly clock: DatabaseClock,
    private readonly keyRing: KeyRing,
    private readonly state: ReplicaState,
  ) {
    this.#schema = new LastKnown<KnownSchema | null>(async () => {
      const state = await readSchemaState(this.database, migrationNames(this.dataSource));
      return { state, readAtMs: performance.now() };
    }, null);
  }

  /** Up while the process accepts work, down from the start of its shutdown. */
  async process(): Promise<HealthIndicatorResult> {
    const indicator = this.indicators.check('process');
    return this.state.isDraining ? indicator.down('is shutting down') : indicator.up();
  }

  /**
   * Up if Postgres responds and has run every migration of this build. Migrations of newer builds are fine unless one
   * asks for a newer release. Never waits for a silent database: the result is then its last known state.
   */
  async databaseAndMigrations(): Promise<HealthIndicatorResult> {
    const database = this.indicators.check('database');
    const migrations = this.indicators.check('migrations');
    const known = await this.#schema.get();
    if (known === null || performance.now() - known.readAtMs > ANSWER_IS_RECENT_MS) {
      const age = Math.round(this.database.availability.answerAgeSeconds * 10) / 10;
      const down = database.down({ message: 'does not respond', last_answer_age_seconds: age });
      return { ...down, ...migrations.down('unknown') };
    }
    const { missing, newer, unmet } = known.state;
    if (unmet.length > 0) {
      return {
        ...database.up(),
        ...migrations.down({ message: 'this release is too old for the schema', needs: unmet }),
      };
    }
    if (missing.length > 0) return { ...database.up(), ...migrations.down({ missing }) };
    return { ...database.up(), ...(newer.length === 0 ? migrations.up() : migrations.up({ newer })) };
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
}
