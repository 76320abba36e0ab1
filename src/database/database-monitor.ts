import { Inject, Injectable } from '@nestjs/common';
import { Counter, Gauge, Registry } from 'prom-client';
import { LOGGER, type Pino } from '../platform/logger.ts';
import { Database } from './database.ts';
import type { Confirmation } from './standby/standby-confirmation.ts';
import type { ReadOutcome, StandbyReads } from './standby/standby-reads.ts';

/** Database trouble is logged at most once per interval, however many requests it affects. */
const LOG_INTERVAL_MS = 60_000;

/** Tells operators whether the database answers: in the log and in metrics that need no statement. */
@Injectable()
export class DatabaseMonitor {
  #loggedAtMs = Number.NEGATIVE_INFINITY;
  #isLogged = false;
  #unconfirmedLoggedAtMs = Number.NEGATIVE_INFINITY;
  #unusedLoggedAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    @Inject(LOGGER) private readonly logger: Pino,
    registry: Registry,
    { availability, standby, reads, longReads }: Database,
  ) {
    availability.onChange((trouble) => this.log(trouble));
    const registers = [registry];
    const confirmations = new Counter({
      name: 'metavault_standby_confirmations_total',
      help: 'Commits that a failover must not undo, by where they are on disk: also on a standby, or on the primary only.',
      labelNames: ['durability'],
      registers,
    });
    standby.onConfirmation((confirmation) => {
      confirmations.inc({ durability: confirmation.durability });
      this.logUnconfirmed(confirmation);
    });
    this.countReads([reads, longReads], registers);
    new Gauge({
      name: 'metavault_database_up',
      help: '1 if the database answered the last statement, 0 if not.',
      registers,
      collect(): void {
        this.set(availability.isUp ? 1 : 0);
      },
    });
    new Gauge({
      name: 'metavault_database_answer_age_seconds',
      help: 'Time since the database last answered a statement.',
      registers,
      collect(): void {
        this.set(availability.answerAgeSeconds);
      },
    });
  }

  private log(trouble: unknown): void {
    if (trouble === null) {
      if (this.#isLogged) this.logger.info('the database is available again');
      this.#isLogged = false;
      return;
    }
    const nowMs = performance.now();
    if (nowMs - this.#loggedAtMs < LOG_INTERVAL_MS) return;
    this.#loggedAtMs = nowMs;
    this.#isLogged = true;
    this.logger.warn({ err: trouble }, 'the database is unavailable');
  }

  private countReads(all: readonly StandbyReads[], registers: Registry[]): void {
    if (!all.some(({ isConfigured }) => isConfigured)) return;
    const counter = new Counter({
      name: 'metavault_standby_reads_total',
      help:
        'Reads of lists and counts, by outcome: current (the standby answered), or why the primary answered: behind (the ' +
        'standby lagged), unfit (not a standby of this primary), away (it did not answer).',
      labelNames: ['outcome'],
      registers,
    });
    const count = (outcome: ReadOutcome, cause: unknown): void => {
      counter.inc({ outcome });
      if (cause !== null) this.logUnused(outcome, cause);
    };
    for (const reads of all) reads.onRead(count);
  }

  private logUnused(outcome: ReadOutcome, cause: unknown): void {
    const nowMs = performance.now();
    if (nowMs - this.#unusedLoggedAtMs < LOG_INTERVAL_MS) return;
    this.#unusedLoggedAtMs = nowMs;
    this.logger.warn(
      { err: cause, outcome },
      'a list was read from the primary, because the standby could not be used',
    );
  }

  private logUnconfirmed({ durability, isStandbyExpected }: Confirmation): void {
    if (durability === 'standby' || !isStandbyExpected) return;
    const nowMs = performance.now();
    if (nowMs - this.#unconfirmedLoggedAtMs < LOG_INTERVAL_MS) return;
    this.#unconfirmedLoggedAtMs = nowMs;
    this.logger.warn(
      'no standby confirms commits that must survive a failover: standbys lag, are disconnected, or hide their state',
    );
  }
}
