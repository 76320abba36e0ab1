import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { Counter, Registry } from 'prom-client';
import { LOGGER, type Pino } from '../platform/logger.ts';
import { AppError, defineProblem } from '../platform/problem.ts';

declare module '../platform/problem.ts' {
  interface ProblemCodes {
    integrity_failure: true;
  }
}

const integrityFailure = defineProblem(
  'integrity_failure',
  503,
  'The database did not keep what had to be written.',
  'Nothing was given out, and nothing was changed. An operator has to look for triggers and rules in the database; the log names the table.',
);

const RETRY_AFTER_SECONDS = 5;
/**
 * What Postgres makes of a statement that a rule rewrites and that returns what it wrote: `feature_not_supported`, or, for an insert into
 * another table, an error of its own planner.
 */
const RULE_IN_THE_WAY = new Set<unknown>(['0A000', 'XX000']);

/** How long a row that was refused is not logged and recorded again; the metric counts each time. */
const REPORT_INTERVAL_MS = 3_600_000;
/** Whoever forges more rows than this pushes out the oldest, which are then told of again. */
const MAX_REMEMBERED_ROWS = 10_000;

/** Told of a row that is refused because its MAC does not fit, at most once an hour for each. A rejection has it told again. */
export type ForgedRowListener = (table: string, rowId: string) => Promise<void>;

/** A row that had to be written is not there. What depends on it must be rolled back, or not be given out. */
export class IntegrityError extends AppError {
  constructor(
    readonly table: string,
    cause?: unknown,
  ) {
    super(integrityFailure, { retryAfterSeconds: RETRY_AFTER_SECONDS, cause });
  }
}

/** Reports rows that are not what this service wrote: each one in the metric and in the log. */
@Injectable()
export class IntegrityFailures {
  readonly #count: Counter<'table'>;
  /** When each refused row was last reported, in monotonic milliseconds. */
  readonly #reportedAtMs = new LRUCache<string, number>({ max: MAX_REMEMBERED_ROWS });
  readonly #listeners: ForgedRowListener[] = [];

  constructor(
    @Inject(LOGGER) private readonly logger: Pino,
    registry: Registry,
  ) {
    this.#count = new Counter({
      name: 'metavault_integrity_failures_total',
      help: 'Rows that the database did not keep as this service wrote them, by table: triggers, rules or other hands are at work',
      labelNames: ['table'],
      registers: [registry],
    });
  }

  /** Reports `count` rows of a table that had to be written and are not there; returns the error to throw. */
  missing(table: string, facts: Readonly<Record<string, unknown>> = {}, count = 1): IntegrityError {
    this.#count.inc({ table }, count);
    this.logger.error({ table, ...facts }, 'a row that had to be written is not in the database');
    return new IntegrityError(table);
  }

  /** `listener` is told of rows that are refused, outside of the request that found them. */
  onForged(listener: ForgedRowListener): void {
    this.#listeners.push(listener);
  }

  /** Reports a row that is not what this service wrote, because its MAC does not fit: it counts as absent. Never waits, never throws. */
  forged(table: string, rowId: string): void {
    this.#count.inc({ table });
    const row = `${table} ${rowId}`;
    const [nowMs, reportedAtMs] = [performance.now(), this.#reportedAtMs.get(row)];
    if (reportedAtMs !== undefined && nowMs - reportedAtMs < REPORT_INTERVAL_MS) return;
    this.#reportedAtMs.set(row, nowMs);
    this.logger.error({ table, row_id: rowId }, 'a row is not what this service wrote, and counts as absent');
    for (const listener of this.#listeners) {
      listener(table, rowId).catch((error: unknown) => {
        this.#reportedAtMs.delete(row);
        this.logger.error({ err: error, table, row_id: rowId }, 'a refused row could not be recorded');
      });
    }
  }

  /** Reports a row that is there and is not what this service left: `finding` says how, for the log; `facts` name it. */
  tampered(table: string, finding: string, facts: Readonly<Record<string, unknown>>): void {
    this.#count.inc({ table });
    this.logger.error({ table, ...facts }, finding);
  }

  /** The error to throw in place of one that a rule on `table` caused, which is reported; any other error as it is. */
  explain(table: string, error: unknown): unknown {
    if (!RULE_IN_THE_WAY.has(sqlStateOf(error))) return error;
    this.#count.inc({ table });
    this.logger.error({ table, err: error }, 'a rule on this table stands in the way of what has to be written');
    return new IntegrityError(table, error);
  }
}

function sqlStateOf(error: unknown): unknown {
  const { code } = (error instanceof AppError ? error.occurrence.cause : error) as { code?: unknown };
  return code;
}
