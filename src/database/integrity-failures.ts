import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { Counter, Registry } from 'prom-client';
import { cacheSize } from '../platform/cache-size.ts';
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
  'The database did not store a row as written.',
  'Nothing was issued or changed. An operator must check the database for triggers and rules; the log names the table.',
);

const RETRY_AFTER_SECONDS = 5;
/**
 * Errors of a statement that returns what it wrote and is rewritten by a rule: `feature_not_supported` or, for a rule
 * that inserts into another table, an internal error of the planner.
 */
const RULE_IN_THE_WAY = new Set<unknown>(['0A000', 'XX000']);

/** How long a forged row is not logged and recorded again. The metric counts every occurrence. */
const REPORT_INTERVAL_MS = 3_600_000;
/** More forged rows evict the oldest, which are then reported again. */
const MAX_REMEMBERED_ROWS = 10_000;

/** Called for a row whose MAC doesn't verify, at most once an hour per row. A rejection causes another call. */
export type ForgedRowListener = (table: string, rowId: string) => Promise<void>;

/** A required row was not stored. Roll back what depends on it, or do not issue it. */
export class IntegrityError extends AppError {
  constructor(
    readonly table: string,
    cause?: unknown,
  ) {
    super(integrityFailure, { retryAfterSeconds: RETRY_AFTER_SECONDS, cause });
  }
}

/** Reports missing, forged and altered rows in the metric and the log. */
@Injectable()
export class IntegrityFailures {
  readonly #count: Counter<'table'>;
  /** When each forged row was last reported, in monotonic milliseconds. */
  readonly #reportedAtMs = new LRUCache<string, number>(cacheSize(MAX_REMEMBERED_ROWS));
  readonly #listeners: ForgedRowListener[] = [];

  constructor(
    @Inject(LOGGER) private readonly logger: Pino,
    registry: Registry,
  ) {
    this.#count = new Counter({
      name: 'metavault_integrity_failures_total',
      help: 'Rows not stored as this service wrote them, by table. Caused by triggers, rules or writes by others',
      labelNames: ['table'],
      registers: [registry],
    });
  }

  /** Reports `count` required rows that were not stored. Returns the error to throw. */
  missing(table: string, facts: Readonly<Record<string, unknown>> = {}, count = 1): IntegrityError {
    this.#count.inc({ table }, count);
    this.logger.error({ table, ...facts }, 'a required row was not stored');
    return new IntegrityError(table);
  }

  /** Registers a listener for forged rows, called outside of requests. */
  onForged(listener: ForgedRowListener): void {
    this.#listeners.push(listener);
  }

  /** Reports a row whose MAC doesn't verify. Called on the hot path: must not throw or block. */
  forged(table: string, rowId: string): void {
    this.#count.inc({ table });
    const row = `${table} ${rowId}`;
    const [nowMs, reportedAtMs] = [performance.now(), this.#reportedAtMs.get(row)];
    if (reportedAtMs !== undefined && nowMs - reportedAtMs < REPORT_INTERVAL_MS) return;
    this.#reportedAtMs.set(row, nowMs);
    this.logger.error({ table, row_id: rowId }, 'forged row: its MAC does not verify and it is ignored');
    for (const listener of this.#listeners) {
      listener(table, rowId).catch((error: unknown) => {
        this.#reportedAtMs.delete(row);
        this.logger.error({ err: error, table, row_id: rowId }, 'could not record a forged row');
      });
    }
  }

  /** Reports an altered row. `finding` is the log message; `facts` identify the row. */
  tampered(table: string, finding: string, facts: Readonly<Record<string, unknown>>): void {
    this.#count.inc({ table });
    this.logger.error({ table, ...facts }, finding);
  }

  /** Converts and reports an error caused by a rule on `table`. Returns any other error unchanged. */
  explain(table: string, error: unknown): unknown {
    if (!RULE_IN_THE_WAY.has(sqlStateOf(error))) return error;
    this.#count.inc({ table });
    this.logger.error({ table, err: error }, 'a rule on this table prevents a required write');
    return new IntegrityError(table, error);
  }
}

function sqlStateOf(error: unknown): unknown {
  const { code } = (error instanceof AppError ? error.occurrence.cause : error) as { code?: unknown };
  return code;
}
