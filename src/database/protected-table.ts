import type { Database } from './database.ts';
import type { RowMac, RowMacDefinition } from './row-mac.ts';
import type { SqlExecutor } from './statement.ts';

/** Rows per transaction: they are locked for some milliseconds only. */
const BATCH = 500;

type WithMac<R> = R & { mac: Buffer | null };

/** How the rows of a table get the MACs that they lack, without the type of its rows. */
export interface ProtectedTable {
  readonly table: string;
  /** Up to some hundred rows that follow `after`, in one transaction `tx`; null in place of the cursor where none are left. */
  giveMacs(tx: SqlExecutor, mac: RowMac, selection: RowSelection): Promise<GivenMacs>;
}

interface RowSelection {
  /** What the batch before returned; null for the first. */
  after: unknown;
  /** Whether to give MACs to rows with one that does not fit, too. */
  replacesUnfit: boolean;
  /** Rows that are over by then need none. */
  now: Date;
}

interface GivenMacs {
  /** The ids of the rows that got one. */
  ids: string[];
  next: unknown;
}

/** What a module says of a table whose rows have MACs. */
interface ProtectedTableParts<R> {
  definition: RowMacDefinition<R>;
  /** Locks rows behind `after` in the order of their key, with what the MAC covers; only those without a MAC, unless `all`. */
  lockRows(
    tx: SqlExecutor,
    selection: { after: R | null; all: boolean; now: Date; limit: number },
  ): Promise<readonly WithMac<R>[]>;
  /** Sets the MACs of these rows and nothing else. */
  writeMacs(tx: SqlExecutor, rows: readonly { row: R; mac: Buffer }[]): Promise<void>;
}

/** Defines how the rows of a table that an earlier release wrote get their MACs. */
export function defineProtectedTable<R>({ definition, lockRows, writeMacs }: ProtectedTableParts<R>): ProtectedTable {
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
  };
}

/**
 * Gives MACs to all rows of a table that lack one, batch by batch, each in a transaction of its own; a process that dies in between is
 * continued by the next. `guard` runs first in each transaction, and ends the work by false. Returns the ids of the rows.
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
    const given = await database.transaction(async (tx) =>
      (await guard(tx)) ? protectedTable.giveMacs(tx, mac, { after, ...options }) : { ids: [], next: null },
    );
    ids.push(...given.ids);
    if (given.next === null) return ids;
    after = given.next;
  }
}
