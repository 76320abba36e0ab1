import sql from 'sql-template-tag';
import { defineRowMac, type RowMac } from './row-mac.ts';
import { defineStatement, type SqlExecutor } from './statement.ts';

/** Advisory lock for giving MACs to rows from an earlier release: one replica at a time. */
const ROW_MAC_LOCK = 727_006;

/** Declares that a table's rows are forged if their MAC doesn't verify. Protected by a MAC itself. */
interface RowMacRequirement {
  table_name: string;
  required_since: Date;
}

const REQUIREMENT_MAC = defineRowMac<RowMacRequirement>('row_mac_requirement', 1, {
  idOf: ({ table_name: table }) => table,
  covers: ({ table_name: table, required_since: since }) => [table, since],
});

const lockStatement = defineStatement<Record<never, never>, { pg_advisory_xact_lock: string }>(
  'row_mac_lock',
  () => sql`SELECT pg_advisory_xact_lock(${ROW_MAC_LOCK})`,
);

const selectStatement = defineStatement<Record<never, never>, RowMacRequirement & { mac: Buffer }>(
  'row_mac_requirement_all',
  () => sql`SELECT table_name, required_since, mac FROM row_mac_requirement`,
);

const upsertStatement = defineStatement<{ tables: readonly string[]; since: Date; macs: readonly Buffer[] }>(
  'row_mac_requirement_upsert',
  ({ tables, since, macs }) => sql`INSERT INTO row_mac_requirement (table_name, required_since, mac)
    SELECT w.table_name, ${since}, w.mac FROM unnest(${tables}::text[], ${macs}::bytea[]) AS w (table_name, mac)
    ON CONFLICT (table_name) DO UPDATE SET required_since = excluded.required_since, mac = excluded.mac`,
);

/** Waits for other replicas that are adding MACs. Held until the transaction ends. */
export async function lockRowMacs(tx: SqlExecutor): Promise<void> {
  await tx.run(lockStatement({}));
}

/** Returns the tables whose rows need a MAC. Ignores requirements whose own MAC doesn't verify. */
export async function readProtectedTables(executor: SqlExecutor, mac: RowMac): Promise<Set<string>> {
  const rows = await executor.rows(selectStatement({}));
  const genuine = rows.filter((row) => mac.computeRowMac(REQUIREMENT_MAC.encode(row)).equals(row.mac));
  return new Set(genuine.map(({ table_name: table }) => table));
}

/** Requires MACs on the rows of these tables from `since` on. */
export async function requireMacsOf(
  tx: SqlExecutor,
  mac: RowMac,
  tables: readonly string[],
  since: Date,
): Promise<void> {
  const macs = tables.map((table) =>
    mac.computeRowMac(REQUIREMENT_MAC.encode({ table_name: table, required_since: since })),
  );
  await tx.run(upsertStatement({ tables, since, macs }));
}
