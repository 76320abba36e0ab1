import { Inject, Injectable } from '@nestjs/common';
import { Config } from '../../config/config.ts';
import { Database } from '../../database/database.ts';
import { Clock } from '../../platform/clock.ts';
import { HttpClient } from '../../platform/http-client/http-client.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import { Random } from '../../platform/random.ts';
import { settleWithin } from '../../platform/settle-within.ts';
import { checkEventSubscriptions } from '../doctor/event-checks.ts';
import { attention, type Finding } from '../doctor/finding.ts';
import { runMetaChecks } from '../doctor/run-meta-checks.ts';

/** However often readiness is requested, one replica calls Meta no more often than this. */
const CACHE_TTL_MS = 5 * 60 * 1000;
/** A Meta that does not respond can delay a diagnosis for minutes; nobody waits for that. */
const RESPONSE_TIMEOUT_MS = 5_000;

export interface Diagnosis {
  examinedAt: Date;
  findings: readonly Finding[];
}

/** The findings of `metavault doctor`, for admins who look at a running replica: examined at most once in five minutes. */
@Injectable()
export class DiagnosisService {
  #last: Diagnosis | null = null;
  #running: Promise<Diagnosis> | null = null;

  constructor(
    private readonly config: Config,
    private readonly http: HttpClient,
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly database: Database,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {}

  /**
   * Responds within five seconds, if need be only with the finding that the diagnosis is still under way. Null if the diagnosis itself
   * failed, which is logged and retried at the next request.
   */
  async latest(): Promise<Diagnosis | null> {
    const last = this.#last;
    if (last !== null && this.clock.now().getTime() - last.examinedAt.getTime() < CACHE_TTL_MS) return last;
    this.#running ??= this.runChecks().finally(() => {
      this.#running = null;
    });
    try {
      const diagnosis = await settleWithin(this.#running, RESPONSE_TIMEOUT_MS, null);
      return diagnosis ?? { examinedAt: this.clock.now(), findings: [STILL_RUNNING] };
    } catch (error) {
      this.logger.error({ err: error }, 'the examination for /health/ready failed');
      return null;
    }
  }

  private async runChecks(): Promise<Diagnosis> {
    const { config, http, clock, random, database } = this;
    const findings = await runMetaChecks({ config, http, clock, random, database });
    const events = await checkEventSubscriptions({ database, clock });
    this.#last = { examinedAt: clock.now(), findings: [...findings, events] };
    return this.#last;
  }
}

const STILL_RUNNING = attention(
  'examination',
  'It is still under way: Meta or PUBLIC_URL does not respond quickly.',
  'Ask again in a minute.',
);
