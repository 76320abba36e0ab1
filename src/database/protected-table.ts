import type { Database } from './database.ts';
import type { RowMac, RowMacDefinition } from './row-mac.ts';
import type { SqlExecutor, Statement } from './statement.ts';

/** Rows per transaction. Small, so that locks last milliseconds. */
const BATCH = 500;

type WithMac<R> = R & { mac: Buffer | null };

/** Gives MACs to the rows of a table, whatever their type. */
export interface ProtectedTable {
  readonly table: string;
  /** Gives MACs to one batch of rows after `after`. `next` is null at the end. */
  giveMacs(tx: SqlExecutor, mac: RowMac, selection: RowSelection): Promise<GivenMacs>;
  /** Counts the rows that have MACs, except those that have ended by `now`. */
  countMacs(executor: SqlExecutor, now: Date): Promise<number>;
}

interface RowSelection {
  /** `next` of the previous batch; null for the first. */
  after: unknown;
  /** Also replace MACs that don't verify. */
  replacesUnfit: boolean;
  /** Rows that have ended by then need no MAC. */
  now: Date;
}

interface GivenMacs {
  /** Ids of the rows that got a MAC. */
  ids: string[];
  next: unknown;
}

/** A module's definition of a table whose rows have MACs. */
interface ProtectedTableParts<R> {
  definition: RowMacDefinition<R>;
  /**
   * Locks rows after `after`, in key order, with the columns that the MAC covers. Only rows without a MAC, unless
   * `all`.
   */
  lockRows(
    tx: SqlExecutor,
    selection: { after: R | null; all: boolean; now: Date; limit: number },
  ): Promise<readonly WithMac<R>[]>;
  /** Sets only the MACs of these rows. */
  writeMacs(tx: SqlExecutor, rows: readonly { row: R; mac: Buffer }[]): Promise<void>;
  /** Counts the rows that have MACs and have not ended by `now`, in one statement of at most 15 s. */
  countMacs(now: Date): Statement<{ count: number }>;
}

/** Defines how rows from an earlier release get their MACs. */
export function defineProtectedTable<R>({
  definition,
  lockRows,
  writeMacs,
  countMacs,
}: ProtectedTableParts<R>): ProtectedTable {
  return {
    table: definition.table,
    giveMacs: async (tx, mac, { after, replacesUnfit, now }) => {
      const rows = await lockRows(tx, { after: after as R | null, all: replacesUnfit, now, limit: BATCH });
      const given = rows
        .map((row) => ({ row, mac: mac.computeRowMac(definition.encode(row)) }))
        .filter(({ row, mac: fitting }) => row.mac === null || (replacesUnfit && !row.mac.equals(fitting)));
      if (given.length > 0) await writeMacs(tx, given);
      return {
        ids: given.map(({ row }) => definition.idOf(row)),
        next: rows.length < BATCH ? null : (rows.at(-1) ?? null),
      };
    },
    countMacs: async (executor, now) => (await executor.rows(countMacs(now)))[0]?.count ?? 0,
  };
}

/**
 * Gives MACs to all rows of a table without one, in one transaction per batch; can be resumed. `guard` runs first in
 * each transaction and stops the work by returning false. Returns the ids of the rows.
 */
export async function giveMacsToRows(
  database: Database,
  mac: RowMac,
  protectedTable: ProtectedTable,
  {
    guard,
    ...options
  }: Omit<RowSelection, 'after'> & {
    guard: (tx: SqlExecutor) => Promise<boolean>;
  },
): Promise<string[]> {
  const ids: string[] = [];
  for (let after: unknown = null; ; ) {
    const given = await database.longRunning.transaction(async (tx) =>
      (await guard(tx)) ? protectedTable.giveMacs(tx, mac, { after, ...options }) : { ids: [], next: null },
    );
    ids.push(...given.ids);
    if (given.next === null) return ids;
    after = given.next;
  }
}
