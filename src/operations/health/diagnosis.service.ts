import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Config } from '../../config/config.ts';
import { Database } from '../../database/database.ts';
import { DatabaseClock } from '../../database/database-clock.ts';
import { migrationNames } from '../../database/migrate.ts';
import { readSchemaState } from '../../database/migration.repository.ts';
import { Clock } from '../../platform/clock.ts';
import { HttpClient } from '../../platform/http-client/http-client.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import { Random } from '../../platform/random.ts';
import { settleWithin } from '../../platform/settle-within.ts';
import { KeyRing } from '../../vault/keys/key-ring.ts';
import { checkEventSubscriptions } from '../doctor/event-checks.ts';
import { attention, type Finding } from '../doctor/finding.ts';
import { checkClock, checkConfiguration, checkKeyRing, checkSchema } from '../doctor/installation-checks.ts';
import { checkProduction } from '../doctor/production-checks.ts';
import { checkFoundRollbacks } from '../doctor/rollback-checks.ts';
import { runMetaChecks } from '../doctor/run-meta-checks.ts';

/** A replica runs the checks at most once in this time, however often readiness is requested. */
const CACHE_TTL_MS = 5 * 60 * 1000;
/** The same when a person asks for it. */
const FRESH_TTL_MS = 10_000;
/** If Meta does not respond, a diagnosis can take minutes. */
const RESPONSE_TIMEOUT_MS = 5_000;

export interface Diagnosis {
  examinedAt: Date;
  findings: readonly Finding[];
}

/** Runs the checks of `metavault doctor` for admins of a running replica, at most once every five minutes. */
@Injectable()
export class DiagnosisService {
  #last: Diagnosis | null = null;
  #running: Promise<Diagnosis> | null = null;

  constructor(
    private readonly config: Config,
    private readonly http: HttpClient,
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly dataSource: DataSource,
    private readonly database: Database,
    private readonly databaseClock: DatabaseClock,
    private readonly keyRing: KeyRing,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {}

  /**
   * Responds within five seconds, if necessary only with the finding that checks are still running. Returns null if the
   * checks themselves failed, which is logged and retried at the next request. `isFresh`: checks again after ten
   * seconds.
   */
  async latest({ isFresh = false }: { isFresh?: boolean } = {}): Promise<Diagnosis | null> {
    const last = this.#last;
    const ageMs = last === null ? Number.POSITIVE_INFINITY : this.clock.now().getTime() - last.examinedAt.getTime();
    if (last !== null && ageMs < (isFresh ? FRESH_TTL_MS : CACHE_TTL_MS)) return last;
    this.#running ??= this.runChecks().finally(() => {
      this.#running = null;
    });
    try {
      const diagnosis = await settleWithin(this.#running, RESPONSE_TIMEOUT_MS, null);
      return diagnosis ?? { examinedAt: this.clock.now(), findings: [STILL_RUNNING] };
    } catch (error) {
      this.logger.error({ err: error }, 'the checks for /health/ready failed');
      return null;
    }
  }

  private async runChecks(): Promise<Diagnosis> {
    const { config, http, clock, random, database, keyRing } = this;
    const findings = await runMetaChecks({ config, http, clock, random, database, keyRing });
    const production = await checkProduction({ config, database, clock });
    const events = await checkEventSubscriptions({ database, clock });
    const installation = [
      ...checkConfiguration(config),
      checkSchema(await readSchemaState(database, migrationNames(this.dataSource))),
      checkKeyRing(keyRing),
      checkClock(this.databaseClock.localSkewMs()),
      ...(await checkFoundRollbacks({ database, clock, keyRing })),
    ];
    this.#last = { examinedAt: clock.now(), findings: [...findings, ...production, events, ...installation] };
    return this.#last;
  }
}

const STILL_RUNNING = attention(
  'examination',
  'Checks are still running: Meta or PUBLIC_URL is slow to respond.',
  'Ask again in a minute.',
);
